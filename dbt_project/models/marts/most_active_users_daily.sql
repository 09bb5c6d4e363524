{{ config(
    upstreams=['fct_entity_activity_daily', 'int_touched_hours'],
    incremental_strategy='replace',
    unique_key=['tenant_id', 'event_date'],
) }}
{#
Grain: one row per tenant, day (UTC) and place. Days that new events fall into are ranked
anew from the fact; a list that was cut off is never added to.
#}
with

touched as (
    select distinct
        int_touched_hours.tenant_id,
        (int_touched_hours.event_hour at time zone 'UTC')::date as event_date
    from {{ ref('int_touched_hours') }} as int_touched_hours
    where {{ is_pending('int_touched_hours') }}
),

counted as (
    select
        fct_entity_activity_daily.tenant_id,
        fct_entity_activity_daily.event_date,
        fct_entity_activity_daily.user_key,
        sum(fct_entity_activity_daily.event_count)::bigint as event_count
    from touched
    inner join {{ ref('fct_entity_activity_daily') }} as fct_entity_activity_daily
        using (tenant_id, event_date)
    where fct_entity_activity_daily.user_key <> 0
    group by 1, 2, 3
),

named as (
    select
        counted.tenant_id,
        counted.event_date,
        row_number() over (
            partition by counted.tenant_id, counted.event_date
            order by counted.event_count desc, dim_users.user_id asc
        )::integer as activity_rank,
        dim_users.user_id,
        counted.event_count
    from counted
    inner join {{ ref('dim_users') }} as dim_users
        using (tenant_id, user_key)
)

select * from named
where named.activity_rank <= {{ var('most_active_count') }}
