-- Checks if a transform has anything to do, at less than a hundredth of its cost.

-- is_pending --
-- Looks only at the gaps in each model's ledger, so the cost depends on what is new. A
-- run is also needed if a feed's view or a funnel's counts are of another declaration
-- than the current one.
select
    exists (select from ledger.loads_without_apply())
    or exists (
        select
        from ledger.models as models
        cross join unnest('{[1,)}'::int8multirange - models.applies) as gap
        inner join ledger.applies
            on
                applies.apply_id >= lower(gap)
                and (upper_inf(gap) or applies.apply_id < upper(gap))
        where models.model <> 'ledger.applies'
    )
    -- A full refresh was interrupted.
    or exists (
        select from ledger.models
        where models.is_stale
    )
    or exists (
        select from raw.feeds as feeds
        where
            coalesce(
                obj_description(
                    to_regclass('analytics.' || quote_ident(feeds.feed)), 'pg_class'
                ),
                ''
            ) not like '%(declaration ' || md5(feeds.declaration::text) || ')'
    )
    or exists (
        select
        from raw.funnels as declared
        full join ledger.counted_funnels as counted using (funnel)
        where declared.declaration is distinct from counted.declaration
    )
    or to_regclass('marts.accounting') is null;

-- project --
select project.project_hash
from ledger.project as project;

-- keep_project --
insert into ledger.project (project_hash)
values (%(project_hash)s)
on conflict (is_only_row) do update set
    project_hash = excluded.project_hash,
    transformed_at = now();

-- has_accounts --
select to_regclass('analytics.int_accounting') is not null;

-- taken_in --
select ledger.applied('int_accounting')::text;

-- taken_in_since --
-- Totals of the applies that are new to the accounts.
select
    count(distinct applies.load_id) as files,
    coalesce(
        sum(int_accounting.raw_row_count + int_accounting.rejected_line_count), 0
    )::bigint as records,
    coalesce(sum(int_accounting.event_count), 0)::bigint as events,
    coalesce(sum(int_accounting.rejected_line_count), 0)::bigint as rejected_lines,
    coalesce(sum(int_accounting.rejected_event_count), 0)::bigint as rejected_events,
    coalesce(sum(int_accounting.duplicate_event_count), 0)::bigint as duplicates,
    round(
        extract(epoch from clock_timestamp() - min(loads.received_at))::numeric, 1
    )::float8 as lag_seconds
from
    unnest(
        ledger.applied('int_accounting') - %(before)s::int8multirange
    ) as gap
inner join analytics.int_accounting as int_accounting
    on
        int_accounting.apply_id >= lower(gap)
        and (upper_inf(gap) or int_accounting.apply_id < upper(gap))
inner join ledger.applies on int_accounting.apply_id = applies.apply_id
inner join raw.loads as loads on applies.load_id = loads.load_id;
