{{ config(materialized='view', contract={'enforced': false}) }}
-- noqa: disable=LT02
{#
Grain: one row per apply. How its records are cast and what identifies its events, with
a flag per field, according to the feed's declaration when the apply was first
processed. Reference records are identified by their key, entity_id.
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
    -- Null if every text matches its type. Not a subquery, which parallel workers could
    -- not run.
    case
        when jsonb_path_exists(stg_applies.attribute_types, '$.* ? (@ <> "text")')
            then stg_applies.attribute_types
    end as attribute_types,
    case when stg_applies.uses_file_time then stg_loads.file_time end
        as default_event_time,
    -- A version that is a plain number is not a time, so limits don't apply.
    case
        when stg_applies.time_format <> 'version_number' then stg_applies.earliest
    end as earliest,
    case
        when stg_applies.time_format <> 'version_number' then stg_applies.latest_ahead
    end as latest_ahead
from {{ ref('stg_applies') }} as stg_applies
inner join {{ ref('stg_loads') }} as stg_loads using (load_id)
