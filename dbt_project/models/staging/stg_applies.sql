{# Grain: one row per apply: a load's first application, or one replay. #}
select
    applies.apply_id,
    applies.load_id,
    applies.kind,
    applies.created_at
from {{ source('ledger', 'applies') }} as applies
