{{ config(
    upstreams=['int_event_batch', 'int_repeats', 'events', 'reference_history'],
    reads_records=true,
    forgets={'record': 'delete'},
) }}
{#
Grain: one row per record that repeats the identity of an event, or the key and version
of a reference record. The kept row is found by the identity, as when the repeat was
decided. With the left join a kept row that is not found violates the contract, instead
of losing the repeat.
#}
-- noqa: disable=LT02
-- Conditions here are macros of several lines.
with

int_applies as (
    select * from {{ ref('int_applies') }}
),

-- Materialized: few rows, which the planner then looks up in the index of events.
repeats as materialized (
    select batch.*
    from {{ ref('int_event_batch') }} as batch
    inner join {{ ref('int_repeats') }} as int_repeats
        on
            batch.load_id = int_repeats.load_id
            and batch.line_number = int_repeats.line_number
    where {{ is_pending('batch') }}
)

select
    repeats.apply_id,
    repeats.load_id,
    repeats.event_time,
    repeats.received_at,
    kept.load_id as kept_load_id,
    repeats.line_number,
    kept.line_number as kept_line_number,
    repeats.feed_id,
    -- Null-safe, unlike `=`.
    not exists (
        select
            repeats.sample_rate, repeats.event_id, repeats.event_type, repeats.user_id,
            repeats.entity_id, repeats.session_id, repeats.device_id, repeats.country,
            repeats.browser, repeats.platform, repeats.environment, repeats.service,
            repeats.attributes
        intersect
        select
            kept.sample_rate, kept.event_id, kept.event_type, kept.user_id,
            kept.entity_id, kept.session_id, kept.device_id, kept.country,
            kept.browser, kept.platform, kept.environment, kept.service,
            kept.attributes
    ) as is_content_different,
    repeats.tenant_id
from repeats
inner join int_applies using (apply_id)
left join {{ ref('events') }} as kept
    on repeats.tenant_id = kept.tenant_id
    and repeats.event_time = kept.event_time
    and repeats.identity_hash = kept.identity_hash
    and repeats.feed_id = kept.feed_id
    and
    {{ event_identity('repeats', 'int_applies') }}
    = {{ event_identity('kept', 'int_applies') }}
where not repeats.is_reference

union all

select
    repeats.apply_id,
    repeats.load_id,
    repeats.event_time,
    repeats.received_at,
    kept.load_id as kept_load_id,
    repeats.line_number,
    kept.line_number as kept_line_number,
    repeats.feed_id,
    not {{ reference_attributes('repeats') }} <@ kept.attributes
        as is_content_different,
    repeats.tenant_id
from repeats
left join {{ ref('reference_history') }} as kept
    on repeats.feed_id = kept.feed_id
    and repeats.tenant_id = kept.tenant_id
    and repeats.entity_id = kept.entity_id
    and repeats.event_time = kept.version_time
where repeats.is_reference
