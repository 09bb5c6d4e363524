{#
Takes out, of the keys that were just added to, the values beyond those with the smallest
hashes. In a block, as there are no new rows to look at where nothing was pending.
#}
{% macro prune_key_values() -%}
    do $$
    begin
        if to_regclass('pg_temp.{{ this.identifier }}__fresh') is not null then
            delete from {{ this }} as kept
            using (
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
            ) as excess
            where
                kept.tenant_id = excess.tenant_id
                and kept.key = excess.key
                and kept.value_hash >= excess.bound;
        end if;
    end
    $$
{%- endmacro %}
