{#
Whether a text, read as JSON, has objects and arrays nested more than 500 deep, counted
as in the loader. Far deeper, Postgres cancels the statement instead of reporting
invalid JSON. Only the few texts with that many brackets are stripped of strings and
counted.

An unterminated string extends to the end. Searching again from each quote in it would
take quadratic time.
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
