{#
How a deleted user leaves the tables (`warehouse forget`). Each incremental model with a
column that can identify a user declares it in its config:

    forgets={'user_key': 'move_to_0'}

Columns are user_id, user_key, device_id, device_key, visitor_key or session_id (with a
tenant_id beside them), record (load_id and line_number), a jsonb column to take out of,
or a count of events:
    delete      the user's rows are deleted
    move_to_0   the rows' key becomes 0, and their counts are added to those of 0, by
                unique_key: for counts of days whose events have expired. Days whose
                events are kept are rebuilt afterwards (rebuilt_by).
    take_out    the key user_id is removed from the JSON object, the row stays
    subtract    the user's events, as in int_event_key_values, are subtracted from the
                count, by unique_key; rows that reach 0 are deleted
A device or session belongs to the user if no event of another user, or of none, has it.
A model that is recomputed as a whole, or that holds nothing about a single user,
declares {'nothing': 'why'}.
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


{# Stores changed declarations where `warehouse forget` finds them. #}
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


{#
The incremental models, comma-separated, that can identify a user and don't declare how
a user leaves them.
#}
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
