{{ config(
    upstreams=['int_event_batch', 'int_repeats'],
    reads_records=true,
    forgets={'attributes': 'take_out'},
    planned_by=['feed_id', 'tenant_id', 'entity_id', 'version_time'],
    indexes=[{
        'columns': ['feed_id', 'tenant_id', 'entity_id', 'version_time'],
        'unique': true,
    }],
) }}
-- noqa: disable=LT02
{#
Grain: one row per version of a reference record, such as a product. It keeps all
versions; reference_latest has the newest.
#}
with

batch as (
    select * from {{ ref('int_event_batch') }} as batch
    where
        {{ is_pending('batch') }}
        and batch.rejected_column is null
        and batch.is_reference
),

int_applies as (
    select * from {{ ref('int_applies') }}
)

select
    batch.apply_id,
    batch.load_id,
    batch.received_at,
    batch.event_time as version_time,
    batch.line_number,
    batch.feed_id,
    batch.tenant_id,
    batch.entity_id,
    case
        when int_applies.time_format = 'version_number'
            then trunc(extract(epoch from batch.event_time) * 1000000)
        else extract(epoch from batch.event_time)
    end as version,
    {{ reference_attributes('batch') }} as attributes
from batch
inner join int_applies using (apply_id)
where {{ repeats_nothing('batch') }}
