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
    {{ touched_days() }}
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
        end as counted_declaration
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
        touched.event_date - spans.event_date + spans.first_date as first_date
    from touched
    cross join declared
    -- How far a chain gets from its first step is the same on every day.
    cross join lateral funnels.spans(
        declared.declaration, array[touched.tenant_id], array[touched.event_date]
    ) as spans
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
