{{ config(
    upstreams=['int_event_batch'],
    reads_records=true,
    forgets={'record': 'delete'},
    pre_hook="{{ delete_recast_events() }}",
) }}
{#
Grain: one row per raw record that can't be cast. The records of a recast are removed in
the transaction that inserts those that are still rejected.
#}
select
    batch.apply_id,
    batch.load_id,
    batch.received_at,
    batch.line_number,
    batch.feed_id,
    batch.tenant_id,
    batch.rejected_column,
    batch.rejected_value,
    batch.rejected_reason
from {{ ref('int_event_batch') }} as batch
where
    {{ is_pending('batch') }}
    and batch.rejected_column is not null
    and (batch.is_reference or not batch.is_of_deleted_user)
