{#
Whether a text, read as JSON, has objects and arrays in one another more than 500 deep, as
the loader counts them: far deeper, Postgres ends the statement instead of saying that the
text is no JSON. Few texts have so many brackets at all, and only of these are the strings
left out and the brackets added up.

What opens a string and never closes it is a string to the end: looked for anew from each
quote in it, it would take the square of its length.
#}
{% macro is_nested_too_deep(value) -%}
    case
        when octet_length({{ value }}) <= 500 then false
        when length({{ value }}) - length(translate({{ value }}, '[{', '')) <= 500
            then false
        else (
            select coalesce(max(nesting.depth), 0) > 500
            from (
                select
                    sum(case when brackets.bracket in ('[', '{') then 1 else -1 end)
                        over (order by brackets.place) as depth
                from string_to_table(
                    regexp_replace(
                        {{ value }}, '"(?:[^"\\]|\\.)*"?|[^][{}"]+', '', 'g'
                    ),
                    null
                ) with ordinality as brackets (bracket, place)
            ) as nesting
        )
    end
{%- endmacro %}
