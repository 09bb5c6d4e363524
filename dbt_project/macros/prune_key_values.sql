{#
Takes out, of the keys that were just added to, the values beyond those with the smallest
hashes. From where on they are cut off is kept in ledger.value_bounds: where a deleted
user's value leaves a place, one that was cut off before can't take it, as how often it
came is not known. In a block, as there are no new rows to look at where nothing was
pending.
#}
{% macro prune_key_values() -%}
    do $$
    begin
        if to_regclass('pg_temp.{{ this.identifier }}__fresh') is not null then
            insert into {{ source('ledger', 'value_bounds') }} as bounds (
                tenant_id, key, bound
            )
            select
                ranked.tenant_id,
                ranked.key,
                min(ranked.value_hash) as bound
            from (
                select
                    held.tenant_id,
                    held.key,
                    held.value_hash,
                    dense_rank() over (
                        partition by held.tenant_id, held.key
                        order by held.value_hash
                    ) as place
                from {{ this }} as held
                inner join (
                    select distinct
                        fresh.tenant_id,
                        fresh.key
                    from pg_temp.{{ this.identifier }}__fresh as fresh
                ) as touched using (tenant_id, key)
            ) as ranked
            where ranked.place > {{ var('values_per_key') }}
            group by 1, 2
            on conflict (tenant_id, key) do update
                set bound = least(bounds.bound, excluded.bound);

            delete from {{ this }} as kept
            using
                {{ source('ledger', 'value_bounds') }} as bounds,
                (
                    select distinct
                        fresh.tenant_id,
                        fresh.key
                    from pg_temp.{{ this.identifier }}__fresh as fresh
                ) as touched
            where
                bounds.tenant_id = touched.tenant_id
                and bounds.key = touched.key
                and kept.tenant_id = bounds.tenant_id
                and kept.key = bounds.key
                and kept.value_hash >= bounds.bound;
        end if;
    end
    $$
{%- endmacro %}


{# Where the table is emptied or made, all values are to come again. #}
{% macro forget_value_bounds() -%}
    {%- if execute and (is_refreshed(this.identifier) or load_relation(this) is none) -%}
        delete from {{ source('ledger', 'value_bounds') }}
    {%- endif -%}
{%- endmacro %}
