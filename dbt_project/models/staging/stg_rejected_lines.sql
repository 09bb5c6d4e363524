{# Grain: one row per line that can't be split into fields. #}
select
    rejected_lines.load_id,
    rejected_lines.line_number,
    rejected_lines.reason,
    rejected_lines.byte_count,
    encode(substring(rejected_lines.line for 200), 'escape') as line_start,
    rejected_lines.replayed_by,
    rejected_lines.received_at
from {{ source('raw', 'rejected_lines') }} as rejected_lines
