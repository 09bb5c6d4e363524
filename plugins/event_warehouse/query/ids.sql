-- The ids in a dimension; its names stand in braces.

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
