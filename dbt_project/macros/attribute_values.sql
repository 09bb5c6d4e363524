{#
Each attribute of each event, down to the third level, as one row: the columns that are
named, then key, spelled as in POST /query, and value. Lists, nulls and names that
contain a dot, which would look like a path, are left out.

    {{ attribute_values('events', columns=['tenant_id']) }}

Most attributes are flat, so they are expanded once, and again only if an object is
among them.
#}
{% macro attribute_values(events, columns, condition='true') -%}
    select
        {% for column in columns -%} events.{{ column }}, {% endfor -%}
        case
            when one.key in ('{{ var("event_fields") | join("', '") }}')
                then 'attributes.' || one.key
            else one.key
        end as key,
        one.value #>> '{}' as value
    from {{ events }} as events
    cross join lateral jsonb_each(events.attributes) as one
    where
        {{ condition }}
        and events.attributes is not null
        and jsonb_typeof(one.value) in ('string', 'number', 'boolean')
        and strpos(one.key, '.') = 0
    union all
    select
        {% for column in columns -%} events.{{ column }}, {% endfor -%}
        nested.key,
        nested.value
    from {{ events }} as events
    cross join lateral jsonb_each(events.attributes) as one
    cross join lateral jsonb_each(
        case when jsonb_typeof(one.value) = 'object' then one.value end
    ) as two
    cross join lateral (
        select
            one.key || '.' || two.key as key,
            two.value #>> '{}' as value
        where jsonb_typeof(two.value) in ('string', 'number', 'boolean')
        union all
        select
            one.key || '.' || two.key || '.' || three.key,
            three.value #>> '{}'
        from jsonb_each(
            case when jsonb_typeof(two.value) = 'object' then two.value end
        ) as three
        where
            jsonb_typeof(three.value) in ('string', 'number', 'boolean')
            and strpos(three.key, '.') = 0
    ) as nested
    where
        {{ condition }}
        and jsonb_path_exists(events.attributes, '$.*.*')
        and strpos(one.key || two.key, '.') = 0
{%- endmacro %}
