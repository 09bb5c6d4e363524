{{ config(
    upstreams=['int_new_key_values'],
    incremental_strategy='add',
    unique_key=['tenant_id', 'key', 'event_type'],
    forgets={'event_count': 'subtract'},
) }}
{#
Grain: one row per tenant, key and event type, with the number of events with the key.
#}
select
    int_new_key_values.tenant_id,
    int_new_key_values.key,
    int_new_key_values.event_type,
    sum(int_new_key_values.event_count)::bigint as event_count
from {{ ref('int_new_key_values') }} as int_new_key_values
where {{ is_pending('int_new_key_values') }}
group by 1, 2, 3
