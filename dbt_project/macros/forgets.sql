{#
How a user leaves the tables when `warehouse forget` deletes them. Each incremental model
with a column that can tell of a user says so in its config:

    forgets={'user_key': 'move_to_0'}

Columns are user_id, user_key, device_id, device_key, visitor_key or session_id (with a
tenant_id beside them), record (load_id and line_number), a jsonb column to take out of,
or a count of events:
    delete      rows of the user go
    move_to_0   the rows' key becomes 0 and their counts are added to what 0 has, by
                unique_key: for counts of days whose events have expired. Days whose
                events are kept are then made anew (rebuilt_by).
    take_out    the key user_id goes out of the JSON object, the row stays
    subtract    what int_event_key_values has of the user's events is taken from the
                count, by unique_key; a row that has come to 0 goes
A device or session is the user's if no event of another or of nobody has it. A model that
is made anew as a whole or holds nothing of one user says {'nothing': 'why'}.
#}
{% macro forgetting_of_models() -%}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() if node.config.materialized == 'incremental' -%}
        {%- if node.config.get('forgets') -%}
            {%- do found.append({
                'model': node.name,
                'forgets': {
                    'schema': node.schema,
                    'columns': node.config.forgets,
                    'unique_key': node.config.unique_key or [],
                    'has_apply': 'apply_id' in node.columns and 'load_id' in node.columns,
                },
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}


{# Keeps the declarations where `warehouse forget` finds them, if they have changed. #}
{% macro register_forgetting() -%}
    {%- if execute -%}
        update ledger.models set forgets = declared.forgets
        from jsonb_to_recordset({{ as_literal(tojson(forgetting_of_models())) }})
            as declared (model text, forgets jsonb)
        where
            models.model = declared.model
            and models.forgets is distinct from declared.forgets
    {%- endif -%}
{%- endmacro %}


{# The incremental models, joined by commas, that can tell of a user and don't say how one
   leaves them. #}
{% macro models_that_forget_nobody() -%}
    {%- set silent = [] -%}
    {#- The graph is empty while dbt parses. -#}
    {%- for node in (graph.nodes.values() if execute else [])
            if node.config.materialized == 'incremental' -%}
        {%- set telling = [] -%}
        {%- for column in node.columns.values()
                if column.name in var('personal_columns')
                or column.data_type in ['jsonb', 'json', 'bytea', 'text[]'] -%}
            {%- do telling.append(column.name) -%}
        {%- endfor -%}
        {%- if telling and not node.config.get('forgets') -%}
            {%- do silent.append(node.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(silent | join(',')) }}
{%- endmacro %}
