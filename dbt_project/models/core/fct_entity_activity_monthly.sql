{{ config(
    upstreams=['int_keyed_events'],
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
    int_keyed_events.tenant_id,
    date_trunc('month', int_keyed_events.event_date::timestamp)::date as event_month,
    int_keyed_events.entity_key,
    count(*) as event_count
from {{ ref('int_keyed_events') }} as int_keyed_events
where {{ is_pending('int_keyed_events') }}
group by 1, 2, 3
{%- endif %}
