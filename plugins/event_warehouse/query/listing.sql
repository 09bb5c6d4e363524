-- Which keys and values there are to ask for.

-- keys --
select
    fct_keys.key,
    sum(fct_keys.event_count)::bigint as event_count
from analytics.fct_keys
where
    fct_keys.tenant_id = %(tenant_id)s
    and starts_with(fct_keys.key, %(prefix)s)
    and (%(event_type)s::text is null or fct_keys.event_type = %(event_type)s)
group by 1
order by 2 desc, fct_keys.key collate "C"
limit %(most)s;

-- values --
select
    fct_key_values.value,
    sum(fct_key_values.event_count)::bigint as event_count
from analytics.fct_key_values
where
    fct_key_values.tenant_id = %(tenant_id)s
    and fct_key_values.key = %(key)s
    and starts_with(fct_key_values.value, %(prefix)s)
    and (%(event_type)s::text is null or fct_key_values.event_type = %(event_type)s)
group by 1
order by 2 desc, fct_key_values.value collate "C"
limit %(most)s;

-- is_complete --
select
    (
        select coalesce(sum(fct_keys.event_count), 0)
        from analytics.fct_keys
        where
            fct_keys.tenant_id = %(tenant_id)s
            and fct_keys.key = %(key)s
            and (%(event_type)s::text is null or fct_keys.event_type = %(event_type)s)
    ) = (
        select coalesce(sum(fct_key_values.event_count), 0)
        from analytics.fct_key_values
        where
            fct_key_values.tenant_id = %(tenant_id)s
            and fct_key_values.key = %(key)s
            and (
                %(event_type)s::text is null
                or fct_key_values.event_type = %(event_type)s
            )
    );
