{# Grain: one row per declared feed. #}
select
    feeds.feed_id,
    feeds.feed
from {{ source('raw', 'feeds') }} as feeds
