{{ config(
    upstreams=[
        'events', 'fct_user_sequences_daily', 'int_touched_hours', 'dim_event_types',
    ],
    incremental_strategy='replace',
    unique_key=['funnel', 'tenant_id', 'first_date'],
    rebuilt_by='first_date',
    pre_hook="{{ forget_redeclared_funnels() }}",
    indexes=[{
        'columns': ['funnel', 'tenant_id', 'first_date', 'breakdown', 'step_number'],
        'unique': true,
    }],
) }}
-- noqa: disable=LT02
-- It takes lateral for a table's name, if it stands in a block.
-- depends_on: {{ ref('events') }}
-- depends_on: {{ ref('user_sequences_daily') }}
-- depends_on: {{ ref('event_types') }}
{#
Grain: one row per declared funnel, tenant, day (UTC) of the first step, breakdown and
step. New events cause a recount of the days whose chains may reach them.
#}
with

touched as (
    select
        touched_hours.tenant_id,
        (touched_hours.event_hour at time zone 'UTC')::date as event_date,
        min(touched_hours.event_hour) as first_hour,
        max(touched_hours.event_hour) as last_hour
    from ({{ touched_hours() }}) as touched_hours
    group by 1, 2
),

declared as (
    select
        stg_funnels.funnel,
        stg_funnels.declaration,
        -- Longer values would fit into no index, and count as missing.
        case
            when stg_funnels.declaration ->> 'breakdown' is null
                then stg_funnels.declaration
            else jsonb_set(
                in_sql.declaration,
                '{breakdown}',
                to_jsonb(format(
                    'case when octet_length(%1$s) <= {{ var("max_listed_bytes") }}'
                    ' then %1$s end',
                    in_sql.declaration ->> 'breakdown'
                ))
            )
        end as counted_declaration,
        make_interval(
            secs => (stg_funnels.declaration ->> 'window_seconds')::double precision
        ) as whole_window,
        stg_funnels.declaration ->> 'order' = 'any' as is_in_any_order
    from {{ ref('stg_funnels') }} as stg_funnels
    cross join lateral funnels.in_sql(stg_funnels.declaration) as in_sql (declaration)
),

first_days as (
    {% if is_rebuild() -%}
    select distinct
        declared.funnel,
        touched.tenant_id,
        touched.event_date as first_date
    from touched
    cross join declared
    {%- else -%}
    select distinct
        declared.funnel,
        touched.tenant_id,
        (first_days.day_start at time zone 'UTC')::date as first_date
    from touched
    cross join declared
    -- The first step is within the window before a new event and, in any order, also
    -- after it.
    cross join lateral generate_series(
        date_trunc('day', touched.first_hour - declared.whole_window, 'UTC'),
        touched.last_hour + interval '59 minutes 59.999999 seconds'
        + case when declared.is_in_any_order then declared.whole_window
            else interval '0' end,
        interval '1 day',
        'UTC'
    ) as first_days (day_start)
    {%- endif %}
),

grouped as (
    select
        first_days.funnel,
        array_agg(first_days.tenant_id) as tenants,
        array_agg(first_days.first_date) as dates
    from first_days
    group by 1
)

select
    declared.funnel,
    counted.tenant_id,
    counted.first_date,
    counted.breakdown,
    counted.step_number,
    counted.step,
    counted.user_count,
    counted.match_count,
    counted.conversion_from_start,
    counted.conversion_from_previous,
    counted.median_seconds,
    counted.p90_seconds,
    counted.median_seconds_from_previous
from grouped
inner join declared using (funnel)
cross join lateral funnels.counted(
    declared.counted_declaration,
    null::timestamptz,
    null::timestamptz,
    null::text,
    grouped.tenants,
    grouped.dates
) as counted
