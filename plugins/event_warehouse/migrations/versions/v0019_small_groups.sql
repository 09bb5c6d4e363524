-- For many groups of mostly one sketch, such as the buckets of five minutes. The state
-- begins with the first sketch, and sketch.smallest around it is inlined; as the final
-- function, as in sketch.merge, it would be called for each group.
do $$
begin
    execute (
        select format(
            $aggregate$
                create or replace aggregate sketch.united(integer[]) (
                    sfunc = %1$I._int_union,
                    stype = integer[],
                    combinefunc = %1$I._int_union,
                    parallel = safe
                )
            $aggregate$,
            pg_namespace.nspname
        )
        from pg_extension
        inner join pg_namespace on pg_extension.extnamespace = pg_namespace.oid
        where pg_extension.extname = 'intarray'
    );
end
$$;
comment on aggregate sketch.united(integer[]) is  -- noqa: LT01
'The sorted union of sketches, which sketch.smallest cuts to a sketch; null of none.';

create or replace function funnels.chains_of_events(
    declaration jsonb,
    start_time timestamptz,
    end_time timestamptz,
    tenant text,
    tenants text[] default null,
    days date[] default null
) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    is_daily constant boolean := days is not null;
    breakdown constant text := declaration ->> 'breakdown';
    is_first constant text := concat(
        'steps & 1 = 1',
        case when is_daily then
            ' and event_time >= first_date::timestamp at time zone ''UTC'''
            ' and event_time < (first_date + 1)::timestamp at time zone ''UTC'''
        end
    );
    is_any_step text;
    steps_of_event text;
    -- One list of keys, so that one sort serves all. Their hash is the first, because
    -- integers are sorted faster than texts.
    group_keys text := case when is_daily then 'chain, tenant_id, actor, first_date'
        else 'chain, tenant_id, actor' end;
    chain text;
    -- One order for all, so that the groups are not sorted again.
    in_order constant text := concat(
        'order by event_time, event_id',
        case when breakdown is not null then ', breakdown collate "C"' end
    );
    matches text;
    has_matches text;
begin
    select
        string_agg(format('coalesce((%s), false)', step ->> 'condition'), ' or '),
        string_agg(format(
            'case when %s then %s else 0 end',
            step ->> 'condition', 1 << (step_number - 1)::integer
        ), ' | ' order by step_number)
    into is_any_step, steps_of_event
    from jsonb_array_elements(declaration -> 'steps')
        with ordinality as steps (step, step_number);
    select
        string_agg(format(', (%s)::text as match_%s', expression, number), ''),
        concat(group_keys, string_agg(format(', match_%s', number), '')),
        string_agg(format(' and (%s) is not null', expression), ''),
        format(
            'hash_array_extended(array[events.tenant_id, (%s)::text%s], 0)',
            declaration ->> 'actor',
            string_agg(format(', (%s)::text', expression), '')
        )
    into matches, group_keys, has_matches, chain
    from jsonb_array_elements_text(declaration -> 'match')
        with ordinality as keys (expression, number);
    if is_daily then
        select
            min(spans.event_date)::timestamp at time zone 'UTC',
            (max(spans.event_date) + 1)::timestamp at time zone 'UTC'
        into start_time, end_time
        from funnels.spans(declaration, tenants, days) as spans;
    end if;
    return concat(
        'with taken as (select events.tenant_id, ',
        case when is_daily then 'spans.first_date, ' end,
        format('%s as chain, (%s)::text as actor', chain, declaration ->> 'actor'), matches,
        ', events.event_time, coalesce(events.event_id, '''') collate "C" as event_id, ',
        steps_of_event, ' as steps',
        case when breakdown is not null
            then format(', (%s)::text as breakdown', breakdown)
        end,
        ' from analytics.events as events',
        case when is_daily then
            ' inner join funnels.spans($1, $2, $3) as spans'
            ' on events.tenant_id = spans.tenant_id'
            ' and (events.event_time at time zone ''UTC'')::date = spans.event_date'
            ' and events.event_time between spans.earliest and spans.latest'
        end,
        format(' where (%s) is not null', declaration ->> 'actor'), has_matches,
        funnels.in_range(
            'events', 'event_time', start_time::text, end_time::text, tenant
        ),
        case when declaration ->> 'order' <> 'strict'
            then format(' and (%s)', is_any_step) end,
        '), placed as (select *, case when lag(event_time) over positions = event_time',
        ' and lag(event_id) over positions = event_id then ~steps else steps end as code',
        ' from taken window positions as (partition by ', group_keys,
        ' ', in_order, ')) select tenant_id, actor, ',
        case when is_daily then 'first_date' else 'null::date as first_date' end, ', ',
        case when breakdown is null then 'null::text' else concat(
            '(array_agg(breakdown ', in_order, ') filter (where ', is_first, '))[1]'
        ) end,
        -- Who has no event of the second step has got as far as is known already.
        ' as breakdown, case when bit_or(steps) & 2 = 0',
        ' then row(''{0}'', ''{0}'')::funnels.progress else funnels.progress_of(',
        'array_agg(event_time ', in_order, '), array_agg(code ', in_order, '), ',
        funnels.arguments_of(declaration),
        case when is_daily then
            ', first_date::timestamp at time zone ''UTC'''
            ', (first_date + 1)::timestamp at time zone ''UTC'''
        end,
        ') end as progress from placed group by ', group_keys,
        ' having bool_or(', is_first, ')'
    );
end
$$;

create or replace function funnels.counted(
    declaration jsonb,
    start_time timestamptz,
    end_time timestamptz,
    tenant text,
    tenants text[] default null,
    days date[] default null
) returns table (
    tenant_id text,
    first_date date,
    breakdown text,
    step_number integer,
    step text,
    user_count bigint,
    match_count bigint,
    conversion_from_start double precision,
    conversion_from_previous double precision,
    median_seconds double precision,
    p90_seconds double precision,
    median_seconds_from_previous double precision
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- How many days and users there are is not known to the planner, which takes them for
-- few; joins of few are right for many, too, if they are hash joins.
set enable_nestloop = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
    is_daily constant boolean := days is not null;
    -- A user with several chains counts once.
    has_matches constant boolean := coalesce(
        declaration -> 'match' not in ('[]', 'null'), false
    );
    chains text;
begin
    if declaration #> '{steps,0,condition}' is not null then
        chains := funnels.chains_of_events(
            declaration, start_time, end_time, tenant, tenants, days
        );
    elsif funnels.is_of_event_types(declaration) then
        chains := funnels.chains_of_sequences(
            declaration, start_time, end_time, tenant, tenants, days
        );
    else
        chains := funnels.chains_of_events(
            funnels.in_sql(declaration), start_time, end_time, tenant, tenants, days
        );
    end if;
    return query execute concat(
        'with chains as (', chains, '), reached as materialized (select ',
        case when is_daily then 'chains.tenant_id, chains.first_date'
            else 'null::text as tenant_id, null::date as first_date' end,
        ', chains.breakdown, (chains.progress).seconds_from_start as seconds,'
        ' (chains.progress).seconds_from_previous as previous_seconds, ',
        -- Users of different tenants may have the same id. An array can be hashed, a
        -- record can't.
        case when is_daily or tenant is not null or not has_matches then 'chains.actor'
            else 'array[chains.tenant_id, chains.actor]' end,
        format(
            $query$
            as actor from chains),

            -- Most get no further than the first step, where there is nothing to sort.
            counted as (
                select
                    tenant_id, first_date, breakdown, 1 as step_number,
                    count(*) as user_count, sum(chain_count)::bigint as match_count,
                    array[0, 0]::double precision[] as percentiles,
                    null::double precision as previous_median
                from %2$s
                group by 1, 2, 3
                union all
                select
                    tenant_id, first_date, breakdown, taken.place::integer + 1,
                    %1$s, count(*),
                    percentile_cont(array[0.5, 0.9]) within group (order by taken.seconds),
                    percentile_cont(0.5) within group (order by taken.previous_seconds)
                from reached
                cross join lateral unnest(
                    reached.seconds[2:], reached.previous_seconds[2:]
                ) with ordinality as taken (seconds, previous_seconds, place)
                where cardinality(reached.seconds) > 1
                group by 1, 2, 3, 4
            ),
            $query$,
            case when has_matches then 'count(distinct actor)' else 'count(*)' end,
            -- Not `distinct`, which sorts the users of each group.
            case when has_matches
                then '(select tenant_id, first_date, breakdown, count(*) as chain_count'
                    ' from reached where cardinality(seconds) > 0'
                    ' group by tenant_id, first_date, breakdown, actor) as users'
                else '(select tenant_id, first_date, breakdown, 1 as chain_count'
                    ' from reached where cardinality(seconds) > 0) as users'
            end
        ),
        $query$
        begun as (
            select tenant_id, first_date, breakdown, max(step_number) as last_step
            from counted
            group by 1, 2, 3
            union all
            select null, null, null, 0 where $5 and not exists (select from counted)
        ),

        complete as (
            select * from counted
            union all
            select tenant_id, first_date, breakdown, later_step, 0, 0, null, null
            from begun
            cross join lateral generate_series(begun.last_step + 1, $4) as later_step
        )

        select
            tenant_id, first_date, breakdown, step_number,
            $1 #>> array['steps', (step_number - 1)::text, 'step'],
            user_count, match_count,
            user_count::double precision
                / nullif(first_value(user_count) over steps, 0),
            case when step_number > 1
                then user_count::double precision
                    / nullif(lag(user_count) over steps, 0)
                when user_count > 0 then 1
            end,
            percentiles[1],
            percentiles[2],
            case when step_number > 1 then previous_median end
        from complete
        window steps as (
            partition by tenant_id, first_date, breakdown order by step_number
        )
        order by tenant_id, first_date, breakdown, step_number
        $query$
    )
    using
        declaration,
        tenants,
        days,
        jsonb_array_length(declaration -> 'steps'),
        not is_daily and declaration ->> 'breakdown' is null;
end
$$;
