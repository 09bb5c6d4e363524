-- How far users got.

-- count --
select
    counted.step_number,
    counted.step,
    counted.breakdown,
    counted.user_count,
    counted.match_count,
    counted.conversion_from_start,
    counted.conversion_from_previous,
    counted.median_seconds,
    counted.p90_seconds,
    counted.median_seconds_from_previous
from funnels.counted(
    %(definition)s, %(from_time)s, %(until_time)s, %(tenant)s
) as counted;
