{# Grain: one row per apply: the first application of a load, or a recast. #}
select
    applies.apply_id,
    applies.load_id,
    applies.kind,
    applies.declaration ->> 'time_format' as time_format,
    applies.declaration -> 'identity' as identity,
    coalesce(applies.declaration -> 'attributes', 'null') as attribute_types,
    (applies.declaration ->> 'latest_ahead')::interval as latest_ahead,
    coalesce(applies.declaration ->> 'kind', 'events') = 'reference' as is_reference,
    coalesce(applies.declaration ->> 'missing_event_time', 'reject')
    = 'file_time' as uses_file_time,
    coalesce(applies.declaration ->> 'identified_by_attributes', 'false')
    = 'true' as is_identified_by_attributes,
    coalesce(applies.declaration ->> 'sessions', 'inactivity')
    = 'session_id' as has_sessions_by_id,
    (applies.declaration ->> 'earliest')::timestamptz as earliest,
    applies.created_at
from {{ source('ledger', 'applies') }} as applies
