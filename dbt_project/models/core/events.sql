{{ config(
    upstreams=['int_event_batch'],
    partition_by='event_time',
    indexes=[
        {'columns': ['tenant_id', 'event_time', 'identity_hash']},
        {'columns': ['apply_id'], 'type': 'brin'},
    ],
) }}
{#
Grain: one row per event. Of records with the same identity the first is kept: the lowest
apply, then the lowest line. The hash finds candidates, the values decide.
#}
with

batch as not materialized (
    select * from {{ ref('int_event_batch') }} as batch
    where {{ is_pending('batch') }} and batch.rejected_column is null
),

int_feeds as (
    select * from {{ ref('int_feeds') }}
),

-- Identities that the batch has more than once: few, so their values are compared.
repeated as (
    select
        batch.tenant_id,
        batch.event_time,
        batch.identity_hash
    from batch
    group by 1, 2, 3
    having count(*) > 1
),

numbered as (
    select
        batch.load_id,
        batch.line_number,
        row_number() over (
            partition by
                batch.tenant_id,
                batch.event_time,
                {{ event_identity('batch', 'int_feeds') }}
            order by batch.apply_id, batch.line_number
        ) as occurrence
    from batch
    inner join repeated using (tenant_id, event_time, identity_hash)
    inner join int_feeds using (feed_id)
),

known as (
    select
        batch.load_id,
        batch.line_number
    from batch
    inner join {{ this }} as kept
        on
            batch.tenant_id = kept.tenant_id
            and batch.event_time = kept.event_time
            and batch.identity_hash = kept.identity_hash
            and batch.feed_id = kept.feed_id
    inner join int_feeds on batch.feed_id = int_feeds.feed_id
    where
        {{ event_identity('batch', 'int_feeds') }}
        = {{ event_identity('kept', 'int_feeds') }}
),

repeats as (
    select load_id, line_number from numbered
    where occurrence > 1
    union all
    select load_id, line_number from known
)

select
    batch.apply_id,
    batch.load_id,
    batch.event_time,
    batch.received_at,
    batch.identity_hash,
    batch.line_number,
    batch.sample_rate,
    batch.feed_id,
    batch.tenant_id,
    batch.event_id,
    batch.event_type,
    batch.user_id,
    batch.entity_id,
    batch.session_id,
    batch.device_id,
    batch.country,
    batch.browser,
    batch.platform,
    batch.environment,
    batch.service,
    batch.attributes
from batch
-- Not `not exists`: its hash join would scatter the rows, whose order the index likes.
where (batch.load_id, batch.line_number) not in (
    select
        repeats.load_id,
        repeats.line_number
    from repeats
)
