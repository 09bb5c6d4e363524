{{ config(materialized='view', contract={'enforced': false}) }}
{# Grain: one row per declared feed. What identifies its events, as one flag a field. #}
select
    stg_feeds.feed_id,
    stg_feeds.feed,
    stg_feeds.time_format,
    stg_feeds.earliest,
    stg_feeds.latest_ahead,
    {% for field in var("identity_fields") -%}
    stg_feeds.identity ? '{{ field }}' as is_identified_by_{{ field }},
    {% endfor -%}
    stg_feeds.identity = '[]' as is_identified_by_record
from {{ ref('stg_feeds') }} as stg_feeds
