{{ config(
    upstreams=['events', 'dim_event_types', 'dim_countries', 'dim_browsers'],
    incremental_strategy='add',
    unique_key=['tenant_id', 'event_5min', 'event_type_key', 'country_key', 'browser_key'],
) }}
{#
Grain: one row per tenant, five minutes (UTC), event type, country and browser. Counts
add, so late events change their own bucket and nothing else. A missing value has key 0.
#}
select
    events.tenant_id,
    date_bin('5 minutes', events.event_time, '2000-01-01Z') as event_5min,
    coalesce(dim_event_types.event_type_key, 0) as event_type_key,
    coalesce(dim_countries.country_key, 0) as country_key,
    coalesce(dim_browsers.browser_key, 0) as browser_key,
    count(*) as event_count,
    sum(events.sample_rate) as weighted_count
from {{ ref('events') }} as events
left join {{ ref('dim_event_types') }} as dim_event_types
    on events.event_type = dim_event_types.event_type
left join {{ ref('dim_countries') }} as dim_countries
    on events.country = dim_countries.country
left join {{ ref('dim_browsers') }} as dim_browsers
    on events.browser = dim_browsers.browser
where {{ is_pending('events', event_time=true) }}
group by 1, 2, 3, 4, 5
