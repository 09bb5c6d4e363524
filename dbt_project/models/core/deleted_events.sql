{{ config(
    upstreams=['int_event_batch'],
    reads_records=true,
    full_refresh=false,
    forgets={'nothing': 'it has but the place of a record'},
    post_hook="{{ remove_deleted_rows() }}",
) }}
{#
Grain: one row per record of a deleted user that arrived after the deletion. The record
is not stored, and its raw row is deleted in the same transaction; only its place is
kept. So a full refresh, which reads raw, could not recreate it.
#}
select
    batch.apply_id,
    batch.load_id,
    batch.received_at,
    batch.line_number,
    batch.feed_id,
    batch.tenant_id
from {{ ref('int_event_batch') }} as batch
where
    {{ is_pending('batch') }}
    and batch.is_of_deleted_user
    and not batch.is_reference
