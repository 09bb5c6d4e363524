{{ config(
    upstreams=['int_event_batch', 'int_repeats', 'dim_entities'],
    incremental_strategy='add',
    unique_key=['tenant_id', 'event_month', 'entity_key'],
    rebuilt_by='event_month',
    rebuilt_unit='month',
) }}
{#
Grain: one row per tenant, month (UTC) and entity, for monthly dashboards: a fraction of
the daily fact. A missing entity has key 0.
#}
{% if is_rebuild() -%}
-- The days are already rebuilt, and a month of them is smaller than its events.
select
    daily.tenant_id,
    date_trunc('month', daily.event_date)::date as event_month,
    daily.entity_key,
    sum(daily.event_count)::bigint as event_count
from {{ ref('fct_entity_activity_daily') }} as daily
where {{ in_rebuild('daily', 'event_date', unit='month') }}
group by 1, 2, 3
{%- else -%}
select
    int_new_events.tenant_id,
    date_trunc('month', int_new_events.event_time at time zone 'UTC')::date
        as event_month,
    coalesce(dim_entities.entity_key, 0) as entity_key,
    count(*) as event_count
from {{ ref('int_new_events') }} as int_new_events
left join {{ ref('dim_entities') }} as dim_entities
    on
        int_new_events.tenant_id = dim_entities.tenant_id
        and int_new_events.entity_id = dim_entities.entity_id
where {{ is_pending('int_new_events') }}
group by 1, 2, 3
{%- endif %}
