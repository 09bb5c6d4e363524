{# Grain: one row per declared feed. #}
select
    feeds.feed_id,
    feeds.feed,
    feeds.declaration ->> 'time_format' as time_format,
    feeds.declaration -> 'identity' as identity,
    (feeds.declaration ->> 'earliest')::timestamptz as earliest,
    (feeds.declaration ->> 'latest_ahead')::interval as latest_ahead
from {{ source('raw', 'feeds') }} as feeds
