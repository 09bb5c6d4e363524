{#
Begins the model's transaction: sets the time zone and work_mem, and takes the model's
lock and shared locks on its upstreams, so that they don't change. Locks and ledger
entry end with the transaction: a killed run has done nothing. Locks are only taken from
a model to its upstreams, so two runs can't deadlock. It is one statement, because each
costs dbt some milliseconds, and a run has forty models.
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
The applies that every upstream has and the model lacks, as the text of an
int8multirange. `is_stale` models, which are recreated, have none of their own. Models
of records don't get those of which the batch holds only the events.
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


{# Clears the model's ledger entry, because the model is recreated. #}
{% macro forget_applies() -%}
    {% call statement('forget') -%}
        update ledger.models set applies = '{}', is_stale = false, lacks_removal_id = 0
        where model = '{{ this.identifier }}'
    {%- endcall %}
{%- endmacro %}


{# The applies that all of the models have, as text. #}
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
