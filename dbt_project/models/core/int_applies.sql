{{ config(materialized='view', contract={'enforced': false}) }}
-- noqa: disable=LT02
{#
Grain: one row per apply. How its records are cast and what identifies its events, one
flag a field, by the feed's declaration as it was when the apply was first taken in. A
record of a reference feed is identified by its key, which is its entity_id.
#}
select
    stg_applies.apply_id,
    stg_applies.load_id,
    stg_applies.kind = 'recast' as is_recast,
    stg_loads.feed_id,
    stg_applies.is_reference,
    stg_applies.time_format,
    stg_applies.has_sessions_by_id,
    {% for field in var("identity_fields") -%}
        stg_applies.identity ? '{{ field }}'
        {%- if field == 'entity_id' %} or stg_applies.is_reference {%- endif %}
            as is_identified_by_{{ field }},
    {% endfor -%}
    stg_applies.is_identified_by_attributes,
    stg_applies.identity = '[]'
    and not stg_applies.is_reference as is_identified_by_record,
    -- Null if no text can fail to have its type. Not worked out by a subquery, which
    -- parallel workers could not run.
    case
        when jsonb_path_exists(stg_applies.attribute_types, '$.* ? (@ <> "text")')
            then stg_applies.attribute_types
    end as attribute_types,
    case when stg_applies.uses_file_time then stg_loads.file_time end
        as default_event_time,
    -- A version that is a plain number is no time, early or late.
    case
        when stg_applies.time_format <> 'version_number' then stg_applies.earliest
    end as earliest,
    case
        when stg_applies.time_format <> 'version_number' then stg_applies.latest_ahead
    end as latest_ahead
from {{ ref('stg_applies') }} as stg_applies
inner join {{ ref('stg_loads') }} as stg_loads using (load_id)
