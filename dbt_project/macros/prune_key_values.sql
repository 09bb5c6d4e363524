{#
Keeps, for the keys that were just added to, only the values with the smallest hashes.
ledger.value_bounds stores the hash from which on values were cut off: if a deleted
user's value leaves a place, one that was cut off before can't take it, because its
count is unknown. In a block, because without pending applies there are no new rows.
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


{# If the table is emptied or created, all values will be added again. #}
{% macro forget_value_bounds() -%}
    {%- if execute and (is_refreshed(this.identifier) or load_relation(this) is none) -%}
        delete from {{ source('ledger', 'value_bounds') }}
    {%- endif -%}
{%- endmacro %}
