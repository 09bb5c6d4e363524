{{ config(upstreams=['int_new_buckets'], rebuilt_by='event_hour') }}
{#
Grain: one row per apply, tenant and hour (UTC) with events of the apply: what models
whose rows are not additive have to recompute.
#}
select distinct
    int_new_buckets.apply_id,
    int_new_buckets.tenant_id,
    date_bin('1 hour', int_new_buckets.event_5min, '2000-01-01Z') as event_hour
from {{ ref('int_new_buckets') }} as int_new_buckets
where {{ is_pending('int_new_buckets') }}
