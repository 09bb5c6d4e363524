{#
Takes the model's lock, and those of its upstreams so that they stand still, and returns
the applies that are in every upstream's ledger and not in the model's own, as the text of
an int8multirange. Both locks end with the transaction, as does the ledger's entry: a run
that is killed has done nothing. Locks are taken from a model to its upstreams only, so
two runs can't wait for each other.
#}
{% macro pin_applies(upstreams, forget=false) -%}
    {% do lock_model(upstreams) %}
    {% if forget -%}
        {% call statement('forget') -%}
            update ledger.models set applies = '{}', is_stale = false, lacks_removal_id = 0
            where model = '{{ this.identifier }}'
        {%- endcall %}
    {%- endif %}
    {{ return(applies_of(upstreams, but_of=this.identifier)) }}
{%- endmacro %}


{% macro lock_model(upstreams) -%}
    {% call statement('lock') -%}
        select pg_advisory_xact_lock(hashtextextended('model {{ this.identifier }}', 0))
    {%- endcall %}
    {% for upstream in upstreams -%}
        {% call statement('lock_upstream') -%}
            select pg_advisory_xact_lock_shared(
                hashtextextended('model {{ upstream }}', 0)
            )
        {%- endcall %}
    {%- endfor %}
{%- endmacro %}


{# The applies that each of the models has, without those of another. #}
{% macro applies_of(models, but_of=none) -%}
    {% set query -%}
        select
            {% for name in models -%}
                ledger.applied('{{ name }}') {{- ' * ' if not loop.last }}
            {%- endfor %}
            {%- if but_of %} - ledger.applied('{{ but_of }}') {%- endif %}
    {%- endset %}
    {{ return(run_query(query).columns[0][0] | string) }}
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
