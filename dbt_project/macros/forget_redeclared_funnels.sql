{#
If a funnel was added, changed or removed since marts.funnels was written, empties the
mart and its ledger entry, so that the run counts every day again, in the same
transaction. After an expiry this covers only the kept days: an unchanged funnel keeps
its counts of earlier days.
#}
{% macro forget_redeclared_funnels() -%}
    {%- if execute and not is_rebuild() -%}
        {%- set counted = source('ledger', 'counted_funnels') -%}
        {%- set declared = source('raw', 'funnels') -%}
        {%- set redeclared -%}
            exists (
                select
                from {{ counted }} as counted
                full join {{ declared }} as declared using (funnel)
                where counted.declaration is distinct from declared.declaration
            )
        {%- endset -%}
        {%- if load_relation(this) -%}
            delete from {{ this }} as kept where {{ redeclared }}
            {%- set horizon = events_horizon() -%}
            {%- if horizon %}
                and (
                    kept.first_date >= '{{ horizon }}'
                    or not exists (
                        select
                        from {{ counted }} as counted
                        inner join {{ declared }} as declared
                            using (funnel, declaration)
                        where counted.funnel = kept.funnel
                    )
                )
            {%- endif %};
        {%- endif -%}
        update ledger.models set applies = '{}'
        where model = '{{ this.identifier }}' and {{ redeclared }};
        delete from {{ counted }} as counted
        where not exists (
            select from {{ declared }} as declared
            where
                counted.funnel = declared.funnel
                and counted.declaration = declared.declaration
        );
        insert into {{ counted }} (funnel, declaration)
        select declared.funnel, declared.declaration from {{ declared }} as declared
        on conflict (funnel) do nothing
    {%- endif -%}
{%- endmacro %}
