{#
What identifies an event within its tenant and time: the values of the feed's declared
identity or, if it declares none, the record's own place. An array equals only one with
the same values in the same positions; two missing values are equal.

`event` is the alias of a row with the event fields, `apply` that of its row of
int_applies; `attributes` are jsonb, by default the event's.
#}
{% macro event_identity(event, apply, attributes=none) -%}
    array[
        {{ apply }}.feed_id::text,
        case when {{ apply }}.is_identified_by_record
            then {{ event }}.load_id || ':' || {{ event }}.line_number
        end
        {%- for field in var("identity_fields") %},
        case when {{ apply }}.is_identified_by_{{ field }} then {{ event }}.{{ field }} end
        {%- endfor %},
        case when {{ apply }}.is_identified_by_attributes
            then ({{ attributes or event ~ '.attributes' }})::text
        end
    ]
{%- endmacro %}
