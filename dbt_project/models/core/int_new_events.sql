{{ config(materialized='ephemeral', contract={'enforced': false}) }}
{#
Grain: one row per record of the batch that is an event: it could be cast, and repeats
no other. Facts and rollups read it instead of events, because the batch is small,
cached, and has exact statistics.
#}
select batch.*
from {{ ref('int_event_batch') }} as batch
where
    batch.rejected_column is null
    and not batch.is_reference
    and {{ repeats_nothing('batch') }}
