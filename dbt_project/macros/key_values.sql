{#
The keys of each event and their values, as a lateral subquery: fields, and attributes
down to the third level, as POST /query names them. Of lists and nulls there is nothing,
nor of names with a dot in them, which would look like a path.

    from {{ ref('int_new_events') }} as events
    cross join lateral {{ key_values('events') }} as key_values

The last two levels are looked at only where there is an object in the attributes.
#}
{% macro key_values(events) -%}
    {%- set objects %}
        case
            when jsonb_path_exists({{ events }}.attributes, '$.*.*')
                then {{ events }}.attributes
        end
    {%- endset -%}
    (
        values
        {%- for field in var('listed_fields') %}
            ('{{ field }}', {{ events }}.{{ field }}) {{- ',' if not loop.last }}
        {%- endfor %}
        union all
        select
            case
                when one.key in ('{{ var("event_fields") | join("', '") }}')
                    then 'attributes.' || one.key
                else one.key
            end,
            one.value #>> '{}'
        from jsonb_each({{ events }}.attributes) as one
        where
            jsonb_typeof(one.value) in ('string', 'number', 'boolean')
            and strpos(one.key, '.') = 0
        union all
        select
            one.key || '.' || two.key,
            two.value #>> '{}'
        from jsonb_each({{ objects }}) as one
        cross join lateral jsonb_each({{ _object('one.value') }}) as two
        where
            jsonb_typeof(two.value) in ('string', 'number', 'boolean')
            and strpos(one.key || two.key, '.') = 0
        union all
        select
            one.key || '.' || two.key || '.' || three.key,
            three.value #>> '{}'
        from jsonb_each({{ objects }}) as one
        cross join lateral jsonb_each({{ _object('one.value') }}) as two
        cross join lateral jsonb_each({{ _object('two.value') }}) as three
        where
            jsonb_typeof(three.value) in ('string', 'number', 'boolean')
            and strpos(one.key || two.key || three.key, '.') = 0
    )
{%- endmacro %}


{% macro _object(value) -%}
    case when jsonb_typeof({{ value }}) = 'object' then {{ value }} end
{%- endmacro %}
