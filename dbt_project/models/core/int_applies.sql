{{ config(materialized='view', contract={'enforced': false}) }}
{#
Grain: one row per apply. How its records are cast and what identifies its events, one
flag a field, by the feed's declaration as it was when the apply was first taken in.
#}
select
    stg_applies.apply_id,
    stg_applies.load_id,
    stg_loads.feed_id,
    stg_applies.time_format,
    stg_applies.earliest,
    stg_applies.latest_ahead,
    {% for field in var("identity_fields") -%}
        stg_applies.identity ? '{{ field }}' as is_identified_by_{{ field }},
    {% endfor -%}
    stg_applies.identity = '[]' as is_identified_by_record
from {{ ref('stg_applies') }} as stg_applies
inner join {{ ref('stg_loads') }} as stg_loads using (load_id)
