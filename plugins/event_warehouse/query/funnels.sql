-- Counts a question's funnel.

-- steps --
-- The groups that most users began. Each row has the total of rows, of bytes in values
-- and of groups; if these exceed the limits, only one row is returned, for its totals.
with

counted as (
    select
        counted.*,
        first_value(counted.user_count) over (
            partition by counted.breakdown
            order by counted.step_number
        ) as begun_count
    from funnels.counted(
        %(definition)s, %(from_time)s, %(until_time)s, %(tenant)s
    ) as counted
),

ranked as (
    select
        counted.*,
        dense_rank() over (
            order by counted.begun_count desc, counted.breakdown collate "C" nulls last
        ) as group_rank
    from counted
),

grouped as (
    select
        ranked.*,
        max(ranked.group_rank) over () as group_count
    from ranked
),

shown as (
    select
        grouped.*,
        count(*) over () as row_count,
        coalesce(sum(octet_length(grouped.breakdown)) over (), 0) as byte_count,
        row_number() over (
            order by grouped.group_rank, grouped.step_number
        ) as row_number
    from grouped
    where grouped.group_rank <= %(most_groups)s::bigint
)

select
    shown.step_number,
    shown.step,
    shown.breakdown,
    shown.user_count,
    shown.match_count,
    shown.conversion_from_start,
    shown.conversion_from_previous,
    shown.median_seconds,
    shown.p90_seconds,
    shown.median_seconds_from_previous,
    shown.row_count,
    shown.byte_count,
    shown.group_count
from shown
where
    (
        shown.row_count <= %(most_rows)s::bigint
        and shown.byte_count <= %(most_bytes)s::bigint
    )
    or shown.row_number = 1
order by shown.row_number;
