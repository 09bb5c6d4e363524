{{ config(upstreams=['events']) }}
{#
Grain: one row per apply, tenant and hour (UTC) that the apply has events in: what a model
has to make anew that can't just add.
#}
select distinct
    events.apply_id,
    events.tenant_id,
    date_trunc('hour', events.event_time, 'UTC') as event_hour
from {{ ref('events') }} as events
where {{ is_pending('events', event_time=true) }}
