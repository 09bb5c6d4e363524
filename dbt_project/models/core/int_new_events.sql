{{ config(materialized='ephemeral', contract={'enforced': false}) }}
{#
Grain: one row per record of the batch that is an event: it could be cast, and repeats no
other. What facts and rollups add up, beside events itself: the batch is small, fresh in
memory and its statistics are exact.
#}
select batch.*
from {{ ref('int_event_batch') }} as batch
where
    batch.rejected_column is null
    and not batch.is_reference
    and {{ repeats_nothing('batch') }}
