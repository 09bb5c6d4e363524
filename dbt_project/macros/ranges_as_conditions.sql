{#
The condition that a column is in a multirange, as comparisons with constants, for which
the planner can use an index and estimate rows: '{[3,4),[7,9)}' becomes (x = 3 or x >= 7
and x < 9). For a single number it also knows that all rows are equal and need no
sorting by it.
#}
{% macro ranges_as_conditions(column, multirange) -%}
    {%- set conditions = [] -%}
    {%- for low, high in modules.re.findall('\\[(\\d+),(\\d+)\\)', multirange) -%}
        {%- do conditions.append(
            column ~ ' = ' ~ low if low | int + 1 == high | int
            else column ~ ' >= ' ~ low ~ ' and ' ~ column ~ ' < ' ~ high) -%}
    {%- endfor -%}
    {{ return('(' ~ (conditions | join(' or ') or 'false') ~ ')') }}
{%- endmacro %}


{#
The model's SQL with constants for its calls of ledger.is_pending and is_pending_load. A
call that is left would be false for every row, while its applies would be recorded as
processed.
#}
{% macro with_pinned_calls(sql, applies) -%}
    {% set pinned = with_pinned_loads(with_pinned_applies(sql, applies), applies) %}
    {%- if 'ledger.is_pending' in pinned -%}
        {% do exceptions.raise_compiler_error(
            this.identifier ~ ' calls ledger.is_pending with something else than columns of '
            ~ 'a relation: write is_pending(relation), see macros/is_pending.sql') %}
    {%- endif -%}
    {{ return(pinned) }}
{%- endmacro %}


{# The model's SQL with constants for its calls of ledger.is_pending. #}
{% macro with_pinned_applies(sql, applies) -%}
    {% set pattern = 'ledger\\.is_pending\\(\\s*([\\w.]+)\\s*(?:,\\s*([\\w.]+)\\s*)?\\)' %}
    {% set calls = modules.re.finditer(pattern, sql) | list %}
    {% set months = months_of(applies) if calls | selectattr(2) | list else none %}
    {% set pieces = [] %}
    {% set position = namespace(value=0) %}
    {% for call in calls -%}
        {% do pieces.append(sql[position.value:call.start()]) %}
        {% do pieces.append(ranges_as_conditions(call.group(1), applies)) %}
        {% if call.group(2) and months -%}
            {% do pieces.append(
                " and " ~ call.group(2) ~ " >= '" ~ months[0] ~ "'"
                ~ " and " ~ call.group(2) ~ " < '" ~ months[1] ~ "'") %}
        {%- endif %}
        {% set position.value = call.end() %}
    {%- endfor %}
    {% do pieces.append(sql[position.value:]) %}
    {{ return(pieces | join) }}
{%- endmacro %}


{# The first month with events of the applies, and the month after the last, if any. #}
{% macro months_of(applies) -%}
    {% set query -%}
        select min(month), (max(month) + interval '1 month')::date
        from ledger.applies
        cross join unnest(applies.event_months) as month
        where {{ ranges_as_conditions('applies.apply_id', applies) }}
        having count(*) > 0
    {%- endset %}
    {{ return(run_query(query).rows | first | default(none)) }}
{%- endmacro %}


{#
The model's SQL with constants for its calls of ledger.is_pending_load.

For a load newer than its statistics the planner assumes one row and reads it by the
index, without parallel workers, in twice the time. So if the loads are more than a
fifth of raw, the condition is put into a case, for which the planner assumes half of
the rows.
#}
{% macro with_pinned_loads(sql, applies) -%}
    {% set call = modules.re.search(
        'ledger\\.is_pending_load\\(\\s*([\\w.]+)\\s*,\\s*([\\w.]+)\\s*\\)', sql) %}
    {% if not call -%} {{ return(sql) }} {%- endif %}
    {% set loads = run_query(
        "select range_agg(int8range(loads.load_id, loads.load_id, '[]'))::text,"
        ~ " date_trunc('month', min(loads.received_at)),"
        ~ " date_trunc('month', max(loads.received_at)) + interval '1 month',"
        ~ " sum(loads.row_count) * 5 > ("
        ~ "     select sum(greatest(pg_class.reltuples, 0))"
        ~ "     from pg_partition_tree('raw.events_raw') as tree"
        ~ "     inner join pg_class on tree.relid = pg_class.oid where tree.isleaf"
        ~ " )"
        ~ " from ledger.applies inner join raw.loads using (load_id)"
        ~ " where " ~ ranges_as_conditions('applies.apply_id', applies)
    ).rows[0] %}
    {% set condition = ranges_as_conditions(call.group(1), loads[0] or '{}') %}
    {% if loads[3] -%}
        {% set condition = 'case when ' ~ condition ~ ' then true end' %}
    {%- endif %}
    {% if loads[0] -%}
        {% set condition = condition ~ " and " ~ call.group(2) ~ " >= '" ~ loads[1]
            ~ "' and " ~ call.group(2) ~ " < '" ~ loads[2] ~ "'" %}
    {%- endif %}
    {{ return(sql | replace(call.group(0), condition)) }}
{%- endmacro %}
