{# Grain: one row per apply: a load's first application, or one replay. #}
select
    applies.apply_id,
    applies.load_id,
    applies.kind,
    applies.declaration ->> 'time_format' as time_format,
    applies.declaration -> 'identity' as identity,
    (applies.declaration ->> 'latest_ahead')::interval as latest_ahead,
    (applies.declaration ->> 'earliest')::timestamptz as earliest,
    applies.created_at
from {{ source('ledger', 'applies') }} as applies
