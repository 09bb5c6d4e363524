-- What `warehouse status` shows.

-- feeds --
select
    feeds.feed as "feed",
    count(*) filter (where loads.status = 'loaded') as "files loaded",
    count(*) filter (where loads.status = 'failed') as "files failed",
    coalesce(sum(loads.row_count), 0)::bigint as "rows",
    -- Without those that a replay has read again, which are its records.
    (
        coalesce(sum(loads.rejected_line_count), 0)
        - coalesce(sum(loads.record_count) filter (
            where loads.replays_load_id is not null
        ), 0)
    )::bigint as "rejected lines",
    coalesce(
        to_char(max(loads.finished_at) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), ''
    ) as "last load (UTC)"
from raw.feeds as feeds
left join raw.loads as loads using (feed_id)
group by 1
order by 1;
