{{ config(
    upstreams=['int_keyed_events', 'events', 'dim_users', 'dim_event_types'],
    incremental_strategy='replace',
    unique_key=['tenant_id', 'event_date', 'user_key'],
    rebuilt_by='event_date',
    planned_by=['tenant_id', 'event_date', 'user_key'],
    forgets={'user_key': 'delete'},
) }}
{#
Grain: one row per tenant, day (UTC) and user with events. Late events are inserted at
their place in the existing row. No other history is read, except where a new event has
exactly the time of a stored one, whose id the row does not contain.
#}
with

new_events as not materialized (
    select
        int_keyed_events.tenant_id,
        int_keyed_events.user_key,
        int_keyed_events.event_date,
        int_keyed_events.event_time,
        coalesce(int_keyed_events.event_id, '') collate "C" as event_id,
        int_keyed_events.event_type_key
    from {{ ref('int_keyed_events') }} as int_keyed_events
    where
        {{ is_pending('int_keyed_events') }}
        and int_keyed_events.user_key <> 0
),

kept_events as (
    select
        touched.tenant_id,
        touched.user_key,
        touched.event_date,
        packed.event_time,
        packed.code,
        packed.place
    from (
        select distinct
            new_events.tenant_id,
            new_events.user_key,
            new_events.event_date
        from new_events
    ) as touched
    inner join {{ this }} as kept using (tenant_id, user_key, event_date)
    cross join
        unnest(kept.event_times, kept.event_type_keys)
        with ordinality as packed (event_time, code, place)
    -- Evaluated once: an empty table needs no lookups.
    where {{ 'false' if is_rebuild() else
        '(select exists(select from ' ~ this ~ '))' }}
),

-- Times at which a user has both new and stored events.
shared_times as materialized (
    select distinct
        new_events.tenant_id,
        new_events.user_key,
        new_events.event_date,
        new_events.event_time
    from new_events
    inner join kept_events using (user_key, event_time)
),

all_events as (
    select
        new_events.*,
        0 as place,
        false as is_kept_tie
    from new_events
    where (new_events.user_key, new_events.event_time) not in (
        select
            shared_times.user_key,
            shared_times.event_time
        from shared_times
    )
    union all
    select
        kept_events.tenant_id,
        kept_events.user_key,
        kept_events.event_date,
        kept_events.event_time,
        '' as event_id,
        case when kept_events.code < 0 then ~kept_events.code else kept_events.code end
            as event_type_key,
        kept_events.place,
        kept_events.code < 0 as is_kept_tie
    from kept_events
    where (kept_events.user_key, kept_events.event_time) not in (
        select
            shared_times.user_key,
            shared_times.event_time
        from shared_times
    )
    union all
    select
        shared_times.tenant_id,
        shared_times.user_key,
        shared_times.event_date,
        shared_times.event_time,
        coalesce(events.event_id, '') collate "C" as event_id,
        coalesce(dim_event_types.event_type_key, 0) as event_type_key,
        0 as place,
        false as is_kept_tie
    from shared_times
    inner join {{ ref('dim_users') }} as dim_users using (tenant_id, user_key)
    inner join {{ ref('events') }} as events
        on
            dim_users.tenant_id = events.tenant_id
            and dim_users.user_id = events.user_id
            and shared_times.event_time = events.event_time
    left join {{ ref('dim_event_types') }} as dim_event_types using (event_type)
    where
        {{ is_pending('events') }}
        or events.apply_id <@ ledger.applied('{{ this.identifier }}')
),

placed as (
    select
        all_events.*,
        all_events.is_kept_tie
        or (
            all_events.place = 0
            and lag(all_events.event_time) over in_order = all_events.event_time
            and lag(all_events.event_id) over in_order = all_events.event_id
        ) as is_tie
    from all_events
    window in_order as (
        partition by all_events.user_key, all_events.event_date
        order by all_events.event_time, all_events.event_id, all_events.place
    )
)

select
    placed.user_key,
    placed.event_date,
    -- A user key belongs to one tenant only.
    min(placed.tenant_id) as tenant_id,
    array_agg(
        placed.event_time
        order by placed.event_time, placed.event_id, placed.place
    ) as event_times,
    array_agg(
        -- -1 - key is ~key, which is negative also for key 0 of a missing type.
        case
            when placed.is_tie then -1 - placed.event_type_key
            else placed.event_type_key
        end
        order by placed.event_time, placed.event_id, placed.place
    ) as event_type_keys
from placed
group by 1, 2
