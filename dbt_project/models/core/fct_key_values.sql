{{ config(
    upstreams=['int_new_key_values'],
    incremental_strategy='add',
    unique_key=['tenant_id', 'key', 'event_type', 'value', 'value_hash'],
    forgets={'event_count': 'subtract'},
    pre_hook='{{ forget_value_bounds() }}',
    post_hook='{{ prune_key_values() }}',
) }}
{#
Grain: one row per tenant, key, event type and value, for the values of a tenant's key
with the smallest hashes. What is among the smallest of all is among the smallest of any
part, so a kept value has been kept since it first occurred: its counts are exact,
whatever the order of arrival and whoever is deleted.
#}
with

new_values as (
    select
        int_new_key_values.tenant_id,
        int_new_key_values.key,
        int_new_key_values.event_type,
        int_new_key_values.value,
        hashtextextended(int_new_key_values.value, 0) as value_hash,
        sum(int_new_key_values.event_count)::bigint as event_count
    from {{ ref('int_new_key_values') }} as int_new_key_values
    where
        {{ is_pending('int_new_key_values') }}
        and int_new_key_values.value is not null
    group by 1, 2, 3, 4
),

ranked as (
    select
        new_values.*,
        dense_rank() over (
            partition by new_values.tenant_id, new_values.key
            order by new_values.value_hash
        ) as place
    from new_values
)

select
    ranked.tenant_id,
    ranked.key,
    ranked.event_type,
    ranked.value,
    ranked.value_hash,
    ranked.event_count
from ranked
where ranked.place <= {{ var('values_per_key') }}
