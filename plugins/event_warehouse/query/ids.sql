-- The ids in a dimension; braces stand for the names.

-- ids --
select
    kept.{id},
    null::bigint as event_count
from {dimension} as kept
where
    kept.tenant_id = %(tenant_id)s
    and starts_with(kept.{id}, %(prefix)s)
order by 1
limit %(most)s;
