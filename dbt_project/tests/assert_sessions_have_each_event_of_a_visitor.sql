{#
Tenants whose sessions have another number of events than there are with a user or a
device, in the applies that fct_sessions has processed.
#}
with

events as (
    select
        events.tenant_id,
        count(*) as event_count
    from {{ ref('events') }} as events
    where
        events.apply_id <@ (select ledger.applied('fct_sessions'))
        and coalesce(events.user_id, events.device_id) is not null
    group by 1
),

sessions as (
    select
        fct_sessions.tenant_id,
        sum(fct_sessions.event_count) as event_count
    from {{ ref('fct_sessions') }} as fct_sessions
    group by 1
)

select
    tenant_id,
    events.event_count as expected,
    sessions.event_count as found
from events
full join sessions using (tenant_id)
where
    events.event_count is distinct from sessions.event_count
    -- The next run completes one that was interrupted between the two.
    and (select ledger.applied('fct_sessions') <@ ledger.applied('events'))
