{# Grain: one row per file that was loaded or failed. #}
select
    loads.load_id,
    loads.feed_id,
    loads.uri,
    loads.status,
    loads.error,
    loads.sha256,
    loads.byte_count,
    loads.record_count,
    loads.row_count,
    loads.rejected_line_count,
    loads.unknown_fields,
    loads.missing_fields,
    loads.replays_load_id,
    loads.file_time,
    loads.received_at,
    loads.finished_at
from {{ source('raw', 'loads') }} as loads
