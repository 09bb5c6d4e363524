-- What `warehouse log` shows.

-- operations --
select
    operations.kind,
    operations.what,
    operations.requested_by as "asked for by",
    to_char(
        operations.requested_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'
    ) as "at (UTC)",
    coalesce(
        to_char(operations.finished_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), ''
    ) as "finished (UTC)"
from ledger.operations
order by operations.requested_at desc
limit %(most)s;
