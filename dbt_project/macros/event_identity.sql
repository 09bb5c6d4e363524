{#
The text that tells an event from every other of its tenant and time: the values of the
feed's declared identity, or, where it declares none, the record's own place. A separator
keeps ('a', 'bc') and ('ab', 'c') apart, a mark keeps a missing value and '' apart.

`event` is the alias of a row with the event fields, `feed` of its row of int_feeds.
#}
{% macro event_identity(event, feed) -%}
    concat_ws(
        e'\x1f',
        {{ feed }}.feed_id,
        case when {{ feed }}.is_identified_by_record
            then {{ event }}.load_id || ':' || {{ event }}.line_number
        end
        {%- for field in var("identity_fields") %},
        case when {{ feed }}.is_identified_by_{{ field }}
            then coalesce({{ event }}.{{ field }}, e'\x1e')
        end
        {%- endfor %}
    )
{%- endmacro %}
