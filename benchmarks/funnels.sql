-- How many get from viewing a product to buying it: ours, and the same in DuckDB.

-- ours --
select
    step_number,
    user_count,
    median_seconds
from marts.funnel(array['product_view', 'add_to_cart', 'purchase']);

-- ours_within_a_day --
select
    step_number,
    user_count,
    median_seconds
from marts.funnel(
    array['product_view', 'add_to_cart', 'purchase'], longest => interval '1 day'
);

-- duckdb --
-- No two events of the benchmark have the same time, so ids need not break ties.
with

views as (
    select
        tenant_id,
        user_id,
        event_time,
        event_time as began
    from shop.events
    where event_type = 'product_view'
),

carts as (
    select
        events.tenant_id,
        events.user_id,
        events.event_time,
        views.began
    from shop.events as events
    asof join views
        on events.tenant_id = views.tenant_id
        and events.user_id = views.user_id
        and events.event_time > views.event_time
    where events.event_type = 'add_to_cart'
),

purchases as (
    select
        events.tenant_id,
        events.user_id,
        events.event_time,
        carts.began
    from shop.events as events
    asof join carts
        on events.tenant_id = carts.tenant_id
        and events.user_id = carts.user_id
        and events.event_time > carts.event_time
    where events.event_type = 'purchase'
),

reached as (
    select
        1 as step_number,
        0.0 as seconds
    from views
    group by tenant_id, user_id
    union all
    select
        2,
        epoch(arg_min(event_time - began, event_time))
    from carts
    group by tenant_id, user_id
    union all
    select
        3,
        epoch(arg_min(event_time - began, event_time))
    from purchases
    group by tenant_id, user_id
)

select
    step_number,
    count(*) as user_count,
    median(seconds) as median_seconds
from reached
group by step_number
order by step_number;

-- duckdb_counts --
-- Only the counts, for which the first time of each step is enough, without chains.
with

views as (
    select
        tenant_id,
        user_id,
        min(event_time) as event_time
    from shop.events
    where event_type = 'product_view'
    group by tenant_id, user_id
),

carts as (
    select
        events.tenant_id,
        events.user_id,
        min(events.event_time) as event_time
    from shop.events as events
    inner join views
        on events.tenant_id = views.tenant_id
        and events.user_id = views.user_id
        and events.event_time > views.event_time
    where events.event_type = 'add_to_cart'
    group by events.tenant_id, events.user_id
),

purchases as (
    select
        events.tenant_id,
        events.user_id,
        min(events.event_time) as event_time
    from shop.events as events
    inner join carts
        on events.tenant_id = carts.tenant_id
        and events.user_id = carts.user_id
        and events.event_time > carts.event_time
    where events.event_type = 'purchase'
    group by events.tenant_id, events.user_id
)

select
    1 as step_number,
    count(*) as user_count
from views
union all
select
    2,
    count(*)
from carts
union all
select
    3,
    count(*)
from purchases
order by step_number;
