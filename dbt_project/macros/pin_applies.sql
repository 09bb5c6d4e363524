{#
Begins the model's transaction: how it reads times, how much memory its sorts may take, the
model's lock, and those of its upstreams so that they stand still. The locks end with the
transaction, as does the ledger's entry: a run that is killed has done nothing. Locks are
taken from a model to its upstreams only, so two runs can't wait for each other. One
statement, as each costs dbt some milliseconds, and a run has forty models.
#}
{% macro begin_model(upstreams=[]) -%}
    {% call statement('begin') -%}
        set local timezone to 'UTC';
        set local work_mem to '{{ var("work_mem") }}';
        select pg_advisory_xact_lock(hashtextextended('model {{ this.identifier }}', 0))
        {%- for upstream in upstreams %};
            select pg_advisory_xact_lock_shared(
                hashtextextended('model {{ upstream }}', 0)
            )
        {%- endfor %}
    {%- endcall %}
{%- endmacro %}


{#
The applies that are in every upstream's ledger and not in the model's own, as the text of
an int8multirange; `is_stale` models, which are made anew, have none of their own. Models of
records get none of which the batch has only the events.
#}
{% macro pin_applies(upstreams) -%}
    {%- set held -%}
        {{ applied_of(upstreams) }}
        {%- if config.get('reads_records') %}
            - ledger.applied('int_event_batch.kept')
        {%- endif %}
    {%- endset -%}
    {% set query -%}
        select
            coalesce(bool_or(models.is_stale), false),
            {{ held }},
            {{ held }} - ledger.applied('{{ this.identifier }}')
        from ledger.models
        where models.model = '{{ this.identifier }}'
    {%- endset %}
    {% set pinned = run_query(query).rows[0] %}
    {{ return({
        'is_stale': pinned[0], 'all': pinned[1] | string, 'new': pinned[2] | string
    }) }}
{%- endmacro %}


{# Takes from the ledger what the model had: it is made anew. #}
{% macro forget_applies() -%}
    {% call statement('forget') -%}
        update ledger.models set applies = '{}', is_stale = false, lacks_removal_id = 0
        where model = '{{ this.identifier }}'
    {%- endcall %}
{%- endmacro %}


{# The applies that each of the models has, as text. #}
{% macro applies_of(models) -%}
    {{ return(run_query('select ' ~ applied_of(models)).columns[0][0] | string) }}
{%- endmacro %}


{% macro applied_of(models) -%}
    {% for name in models -%}
        ledger.applied('{{ name }}') {{- ' * ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{# Adds applies to the model's ledger, in the transaction that wrote their rows. #}
{% macro record_applies(applies) -%}
    {% call statement('record') -%}
        insert into ledger.models as models (model, applies)
        values ('{{ this.identifier }}', '{{ applies }}')
        on conflict (model) do update set
            applies = models.applies + excluded.applies,
            applied_at = now()
    {%- endcall %}
{%- endmacro %}
