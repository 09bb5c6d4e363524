{{ config(
    upstreams=['int_new_buckets', 'dim_event_types', 'dim_countries', 'dim_browsers'],
    incremental_strategy='add',
    unique_key=['tenant_id', 'event_5min', 'event_type_key', 'country_key', 'browser_key'],
    rebuilt_by='event_5min',
    planned_by=['tenant_id', 'event_5min', 'event_type_key', 'country_key', 'browser_key'],
) }}
{#
Grain: one row per tenant, five minutes (UTC), event type, country and browser. Counts
are added and sketches merged, so late events change only their own bucket. A missing
value has key 0.
#}
select
    int_new_buckets.tenant_id,
    int_new_buckets.event_5min,
    coalesce(dim_event_types.event_type_key, 0) as event_type_key,
    coalesce(dim_countries.country_key, 0) as country_key,
    coalesce(dim_browsers.browser_key, 0) as browser_key,
    sum(int_new_buckets.event_count)::bigint as event_count,
    sum(int_new_buckets.weighted_count)::bigint as weighted_count,
    sketch.smallest(sketch.united(int_new_buckets.device_sketch)) as device_sketch,
    sketch.smallest(sketch.united(int_new_buckets.session_sketch)) as session_sketch
from {{ ref('int_new_buckets') }} as int_new_buckets
left join {{ ref('dim_event_types') }} as dim_event_types
    on int_new_buckets.event_type = dim_event_types.event_type
left join {{ ref('dim_countries') }} as dim_countries
    on int_new_buckets.country = dim_countries.country
left join {{ ref('dim_browsers') }} as dim_browsers
    on int_new_buckets.browser = dim_browsers.browser
where {{ is_pending('int_new_buckets') }}
group by 1, 2, 3, 4, 5
