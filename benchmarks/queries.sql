-- The questions of queries.py in SQL for DuckDB; placeholders stand for columns or JSON
-- paths, depending on its table.

-- failed_paths --
select {path} as path, count(*) as event_count, count(distinct user_id) as users
from visits
where
    tenant_id = $tenant and event_time >= $begin and event_time < $end
    and try_cast({status_code} as double) >= 500
    and starts_with({path}, '/p/1')
group by 1
order by 2 desc, 1
limit 20

-- regex --
select count(*) as event_count, count(distinct session_id) as sessions
from visits
where
    tenant_id = $tenant and event_time >= $begin and event_time < $end
    and regexp_matches({path}, '^/p/[0-9]*7$')

-- sums_by_day --
select
    date_trunc('day', event_time) as event_day,
    browser,
    count(*) as event_count,
    sum({amount}::decimal(18, 2)) as amount
from visits
where
    tenant_id = $tenant and event_time >= $begin and event_time < $end
    and {amount} is not null
group by 1, 2
order by 1, sum(count(*)) over (partition by browser) desc, 2

-- match_keys --
select event_type, count(*) as event_count, count(distinct (user_id, {item_colour_id})) as pairs
from visits
where
    tenant_id = $tenant and event_time >= $begin and event_time < $end
    and user_id is not null and {item_colour_id} is not null
group by 1
order by 2 desc, 1

-- groups --
select country, count(*) as event_count
from visits
where
    tenant_id = $tenant and event_time >= $begin and event_time < $end
    and (platform = 'web' and browser in ('chrome', 'edge') or {status_code} = '404')
    and entity_id <> 'p-0'
group by 1
order by 2 desc, 1
