create table raw.funnels (
    funnel text primary key,
    declaration jsonb not null,
    updated_at timestamptz not null default now()
);
comment on table raw.funnels is
'The declared funnels as of the last transform. Grain: one row per funnel.';
grant select, insert, update, delete on raw.funnels to warehouse_loader;
grant select on raw.funnels to warehouse_transformer;

create table ledger.counted_funnels (
    funnel text primary key,
    declaration jsonb not null
);
comment on table ledger.counted_funnels is
'By which declarations marts.funnels was counted. Grain: one row per funnel.';
grant select, insert, delete on ledger.counted_funnels to warehouse_transformer;

-- All functions act as who calls them, so they show nobody more than a query would.
create schema funnels;
comment on schema funnels is
'How far users get along steps, and how long it takes them.';
grant usage on schema funnels to
warehouse_transformer, warehouse_reader, warehouse_tenant, warehouse_operator;

create type funnels.progress as (
    seconds_from_start double precision [],
    seconds_from_previous double precision []
);
comment on type funnels.progress is
'What somebody has reached: of each step the seconds from the first step and from the
one before, in the chain that reaches it first and, of those, that began last.';

create aggregate funnels.concatenated(anycompatiblearray) (  -- noqa: LT01
    sfunc = array_cat,
    stype = anycompatiblearray,
    parallel = safe
);

-- The one meaning of a funnel, whatever its events were read from.
--
-- A chain that has taken step n - 1 can go on to step n from any later event. Of the
-- chains that could, only the one whose last step is the latest need be kept: it also
-- began last, as each step takes the latest chain before it. So one start and one last
-- time a step are enough, with any windows, and the cost is linear in events and steps.
create function funnels.progress_of(
    event_times timestamptz[],
    codes integer[],
    step_order text,
    step_count integer,
    window_seconds double precision default null,
    step_window_seconds double precision[] default null,
    first_from timestamptz default null,
    first_before timestamptz default null,
    code_keys integer[] default null,
    code_sets integer[] default null
) returns funnels.progress
language plpgsql immutable parallel safe cost 1000
as $$
declare
    size constant integer := cardinality(codes);
    has_ties constant boolean := 0 > any(codes);
    whole_window constant interval := make_interval(secs => window_seconds);
    step_windows interval[];
    -- By step, of the chain that is kept: when it began, when it took the step.
    starts timestamptz[];
    lasts timestamptz[];
    moments timestamptz[] := '{}';
    reached integer := 0;
    runs integer := 0;
    place integer := 0;
    step integer;
    code integer;
    taken integer;
    moment timestamptz;
    began timestamptz;
    came_from timestamptz;
    progress funnels.progress := ('{}', '{}');
begin
    if step_window_seconds is not null then
        step_windows := array(
            select make_interval(secs => seconds)
            from unnest(step_window_seconds) with ordinality as windows (seconds, n)
            order by n
        );
    end if;
    starts := array_fill(null::timestamptz, array[step_count]);
    lasts := starts;
    while place < size and reached < step_count loop
        place := place + 1;
        code := codes[place];
        -- The steps that the event is: bit n - 1 stands for step n.
        if code_keys is null then
            taken := case when code < 0 then ~code else code end;
        else
            step := array_position(
                code_keys, case when code < 0 then ~code else code end
            );
            -- Most events are no step, and count for nothing if they may lie between.
            continue when step is null and step_order <> 'strict';
            taken := coalesce(code_sets[step], 0);
        end if;
        moment := event_times[place];
        -- With those of other events of the same time and id: none comes after another.
        while has_ties and codes[place + 1] < 0 loop
            place := place + 1;
            code := ~codes[place];
            taken := taken | case
                when code_keys is null then code
                else coalesce(code_sets[array_position(code_keys, code)], 0)
            end;
        end loop;
        if moment < first_from or moment >= first_before then
            taken := taken & ~1;
        end if;
        if step_order = 'ordered' then
            if taken > 1 then
                -- Downwards, so that one event is not two steps of a chain.
                for step in reverse least(reached + 1, step_count) .. 2 loop
                    continue when (taken >> (step - 1)) & 1 = 0;
                    began := starts[step - 1];
                    came_from := lasts[step - 1];
                    continue when began is null
                        or moment - began > whole_window
                        or moment - came_from > step_windows[step];
                    starts[step] := began;
                    lasts[step] := moment;
                    if step > reached then
                        reached := step;
                        progress.seconds_from_start[step]
                        := extract(epoch from moment - began);
                        progress.seconds_from_previous[step]
                        := extract(epoch from moment - came_from);
                    end if;
                end loop;
            end if;
            if taken & 1 = 1 then
                starts[1] := moment;
                lasts[1] := moment;
                if reached = 0 then
                    reached := 1;
                    progress := ('{0}', '{0}');
                end if;
            end if;
        elsif step_order = 'strict' then
            moments := moments || moment;
            if step_windows is not null then
                for step in 2 .. step_count loop
                    if moment - came_from > step_windows[step] then
                        taken := taken & ~(1 << (step - 1));
                    end if;
                end loop;
            end if;
            -- Bit n - 1: the last n moments were steps 1 to n.
            runs := ((runs << 1) | 1) & taken;
            if (runs >> reached) & 1 = 1 then
                began := moments[cardinality(moments) - reached];
                if not coalesce(moment - began > whole_window, false) then
                    reached := reached + 1;
                    progress.seconds_from_start[reached]
                    := extract(epoch from moment - began);
                    progress.seconds_from_previous[reached] := case
                        when reached = 1 then 0
                        else extract(epoch from moment - came_from)
                    end;
                end if;
            end if;
            came_from := moment;
        else
            for step in 1 .. step_count loop
                if (taken >> (step - 1)) & 1 = 1 then
                    lasts[step] := moment;
                end if;
            end loop;
            while reached < step_count loop
                began := moment;
                for step in 1 .. reached + 1 loop
                    -- Null, if the step has not been taken, and then stays null.
                    began := case when lasts[step] < began then lasts[step]
                        when lasts[step] >= began then began
                    end;
                    exit when began is null;
                end loop;
                exit when began is null or moment - began > whole_window;
                reached := reached + 1;
                progress.seconds_from_start[reached]
                := extract(epoch from moment - began);
                progress.seconds_from_previous[reached] := null;
            end loop;
        end if;
    end loop;
    return progress;
end
$$;
comment on function funnels.progress_of is
'How far events lead, which are in the order of time and id. A code has the bit n - 1
for each step n that the event is, or is a key of code_keys, whose sets of steps are
code_sets. Its complement (~code) stands for an event that has time and id of the one
before. A first step has to be at or after first_from and before first_before.';

create function funnels.value_of(path text) returns text
language sql immutable strict
set search_path = pg_catalog, pg_temp
as $$
select case
    when path in (
        'event_id', 'event_type', 'user_id', 'entity_id', 'session_id', 'device_id',
        'country', 'browser', 'platform', 'environment', 'service'
    ) then format('events.%I', path)
    else format(
        '(events.attributes #>> %L::text[])', string_to_array(path, '.')::text
    )
end
$$;
comment on function funnels.value_of is
'Expression for an event field, or an attribute by its path, such as actor.login.';

create function funnels.condition_of(step jsonb) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
select string_agg(condition, ' and ') from (
    select format(
        'events.event_type = any(%L::text[])',
        array(select jsonb_array_elements_text(step -> 'event_types'))::text
    ) as condition
    where jsonb_array_length(step -> 'event_types') > 0
    union all
    select format(
        '%s = any(%L::text[])',
        funnels.value_of(filters.key),
        array(select jsonb_array_elements_text(filters.value))::text
    )
    from jsonb_each(step -> 'where') as filters
) as conditions
$$;
comment on function funnels.condition_of is
'Expression for what a declared step asks of an event: one of its event types, and of
each field or attribute in `where` one of the values.';

create function funnels.in_sql(declaration jsonb) returns jsonb
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
select declaration || jsonb_build_object(
    'actor', 'events.user_id',
    'steps', (
        select jsonb_agg(
            step || jsonb_build_object('condition', funnels.condition_of(step))
            order by step_number
        )
        from jsonb_array_elements(declaration -> 'steps')
            with ordinality as steps (step, step_number)
    ),
    'match', (
        select coalesce(jsonb_agg(funnels.value_of(path)), '[]')
        from jsonb_array_elements_text(declaration -> 'match') as path
    ),
    'breakdown', funnels.value_of(declaration ->> 'breakdown')
)
$$;
comment on function funnels.in_sql is
'A declared funnel with its conditions, match keys and breakdown as SQL.';

create function funnels.is_of_event_types(declaration jsonb) returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
select coalesce(declaration -> 'match', '[]') in ('[]', 'null')
    and declaration ->> 'breakdown' is null
    and not exists (
        select from jsonb_array_elements(declaration -> 'steps') as step
        where
            coalesce(step -> 'where', '{}') not in ('{}', 'null')
            or coalesce(step -> 'event_types', '[]') in ('[]', 'null')
    )
$$;
comment on function funnels.is_of_event_types is
'True for a funnel whose steps are event types of users: their sequences answer it.';

-- The days on which chains may begin, each with the days that they may reach into: from
-- the first, as windows do, and in any order also back from it.
create function funnels.spans(
    declaration jsonb, tenants text[], days date[]
) returns table (
    tenant_id text,
    first_date date,
    event_date date,
    earliest timestamptz,
    latest timestamptz
)
language sql immutable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
select
    firsts.tenant_id,
    firsts.first_date,
    firsts.first_date + day_offset as event_date,
    firsts.first_date::timestamptz - reach.back as earliest,
    (firsts.first_date + 1)::timestamptz + reach.whole_window as latest
from unnest(tenants, days) as firsts (tenant_id, first_date)
cross join (
    select
        make_interval(secs => seconds) as whole_window,
        make_interval(
            secs => case when declaration ->> 'order' = 'any' then seconds else 0 end
        ) as back,
        ceil(seconds / 86400)::integer as days
    from (values ((declaration ->> 'window_seconds')::double precision)) as told (seconds)
) as reach
cross join lateral generate_series(
    case when declaration ->> 'order' = 'any' then -reach.days else 0 end, reach.days
) as day_offset
$$;

create function funnels.arguments_of(declaration jsonb) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
select format(
    '%L, %s, %L::double precision, %L::double precision[]',
    declaration ->> 'order',
    jsonb_array_length(declaration -> 'steps'),
    declaration ->> 'window_seconds',
    case when bool_or(step ->> 'window_seconds' is not null)
        then array_agg(
            (step ->> 'window_seconds')::double precision order by step_number
        )::text
    end
)
from jsonb_array_elements(declaration -> 'steps')
    with ordinality as steps (step, step_number)
$$;
comment on function funnels.arguments_of is
'What funnels.progress_of is told of a funnel, as SQL.';

create function funnels.in_range(
    alias text, time_column text, start_value text, end_value text, tenant text
) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
select concat(
    case when start_value is not null
        then format(' and %s.%s >= %L', alias, time_column, start_value)
    end,
    case when end_value is not null
        then format(' and %s.%s < %L', alias, time_column, end_value)
    end,
    case when tenant is not null then format(' and %s.tenant_id = %L', alias, tenant) end
)
$$;

create function funnels.chains_of_events(
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
    -- One list of keys, so that one sort serves all.
    group_keys text := case when is_daily then 'tenant_id, actor, first_date'
        else 'tenant_id, actor' end;
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
        string_agg(format(' and (%s) is not null', expression), '')
    into matches, group_keys, has_matches
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
        format('(%s)::text as actor', declaration ->> 'actor'), matches,
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
        ' order by event_time, event_id)) select tenant_id, actor, ',
        case when is_daily then 'first_date' else 'null::date as first_date' end, ', ',
        case when breakdown is null then 'null::text' else concat(
            '(array_agg(breakdown order by event_time, event_id, breakdown collate "C")',
            ' filter (where ', is_first, '))[1]'
        ) end,
        -- Who has no event of the second step has got as far as is known already.
        ' as breakdown, case when bit_or(steps) & 2 = 0',
        ' then row(''{0}'', ''{0}'')::funnels.progress else funnels.progress_of(',
        'array_agg(event_time order by event_time, event_id),',
        ' array_agg(code order by event_time, event_id), ',
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
comment on function funnels.chains_of_events is
'Query for the progress of each user and match keys, from the events themselves; its
parameters are declaration, tenants and days.';

create function funnels.chains_of_sequences(
    declaration jsonb,
    start_time timestamptz,
    end_time timestamptz,
    tenant text,
    tenants text[] default null,
    days date[] default null
) returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    is_daily constant boolean := days is not null;
    last_time constant timestamptz := end_time - interval '1 microsecond';
    keys integer[];
    sets integer[];
    firsts integer[];
    seconds integer[];
    slice text := '%s';
    -- Parts of the users that workers share, as no worker groups a part of the rows.
    parts constant integer := case
        when days is not null then 1
        else 1 + least(
            current_setting('max_parallel_workers_per_gather')::integer,
            current_setting('max_parallel_workers')::integer,
            7
        )
    end;
    source text;
    of_part text := '';
    progress text;
begin
    select
        coalesce(array_agg(event_type_key), '{}'),
        coalesce(array_agg(step_set), '{}'),
        coalesce(array_agg(event_type_key) filter (where step_set & 1 = 1), '{}'),
        coalesce(array_agg(event_type_key) filter (where step_set & 2 = 2), '{}')
    into keys, sets, firsts, seconds
    from (
        select event_types.event_type_key, bit_or(1 << (step_number - 1)::integer)
        from jsonb_array_elements(declaration -> 'steps')
            with ordinality as steps (step, step_number)
        cross join lateral jsonb_array_elements_text(step -> 'event_types') as named
        inner join marts.event_types on named = event_types.event_type
        group by 1
    ) as types (event_type_key, step_set);
    if is_daily then
        source := format(
            $query$
            with spans as materialized (
                select * from funnels.spans($1, $2, $3)
            ),

            firsts as materialized (
                select sequences.tenant_id, sequences.user_key, days.first_date
                from unnest($2, $3) as days (tenant_id, first_date)
                inner join marts.user_sequences_daily as sequences
                    on days.tenant_id = sequences.tenant_id
                    and days.first_date = sequences.event_date
                where sequences.event_type_keys && %L::integer[]
                    or 0 > any(sequences.event_type_keys)
            ),

            users as (
                select
                    firsts.tenant_id, firsts.first_date, firsts.user_key,
                    funnels.concatenated(
                        sequences.event_times order by sequences.event_date
                    ) as event_times,
                    funnels.concatenated(
                        sequences.event_type_keys order by sequences.event_date
                    ) as codes
                from firsts
                inner join spans using (tenant_id, first_date)
                inner join marts.user_sequences_daily as sequences
                    using (tenant_id, user_key, event_date)
                group by 1, 2, 3
            )
            $query$,
            firsts
        );
    else
        -- Of the days at its ends the range may have only a part.
        if start_time > date_trunc('day', start_time)
            or end_time > date_trunc('day', end_time)
        then
            slice := format(
                'case when sequences.event_date in (%L, %L)'
                ' then (%%1$s)[width_bucket(%L::timestamptz, sequences.event_times) + 1'
                ':width_bucket(%L::timestamptz, sequences.event_times)]'
                ' else %%1$s end',
                start_time::date,
                last_time::date,
                coalesce(start_time - interval '1 microsecond', '-infinity'),
                coalesce(last_time, 'infinity')
            );
        end if;
        source := concat(
            'with users as (select sequences.tenant_id, null::date as first_date,'
            ' sequences.user_key, funnels.concatenated(',
            format(slice, 'sequences.event_times'),
            ' order by sequences.event_date) as event_times, funnels.concatenated(',
            format(slice, 'sequences.event_type_keys'),
            ' order by sequences.event_date) as codes'
            ' from marts.user_sequences_daily as sequences where true',
            funnels.in_range(
                'sequences',
                'event_date',
                start_time::date::text,
                (last_time::date + 1)::text,
                tenant
            )
        );
        -- In a case, which the planner takes for half of the rows, not for few.
        of_part := format(' and case when mod(sequences.user_key, %s) = ', parts)
            || '%s then true end group by sequences.tenant_id, sequences.user_key)';
    end if;
    progress := format(
        'funnels.progress_of(event_times, codes, %s, %s, %L, %L)',
        funnels.arguments_of(declaration),
        case when is_daily
            then 'first_date::timestamp at time zone ''UTC'','
                ' (first_date + 1)::timestamp at time zone ''UTC'''
            else 'null, null'
        end,
        keys,
        sets
    );
    -- Most users never get to the second step, which shows without following them.
    if declaration ->> 'order' = 'ordered' then
        progress := format(
            'case when has_ties or %s then %s'
            ' else row(''{0}'', ''{0}'')::funnels.progress end',
            coalesce((
                select string_agg(format(
                    'array_position(codes, %s, first_place + 1) is not null', key
                ), ' or ')
                from unnest(seconds) as key
            ), 'false'),
            progress
        );
    end if;
    progress := concat(
        ', begun as (select users.*, 0 > any(codes) as has_ties, ',
        coalesce(
            (
                select format('least(%s)', string_agg(
                    format('array_position(codes, %s)', key), ', '
                ))
                from unnest(firsts) as key
                having count(*) > 0
            ), 'null::integer'
        ),
        ' as first_place from users)',
        ' select tenant_id, first_date, user_key as actor, null::text as breakdown, ',
        progress, ' as progress from begun where first_place is not null or has_ties'
    );
    return (
        select string_agg(
            concat('(', source, format(of_part, part), progress, ')'), ' union all '
        )
        from generate_series(0, parts - 1) as part
    );
end
$$;
comment on function funnels.chains_of_sequences is
'The same for steps that are event types of users, from their sequences.';

create function funnels.counted(
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
as $$
#variable_conflict use_column
declare
    is_daily constant boolean := days is not null;
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
        case when is_daily or tenant is not null then 'chains.actor'
            else '(chains.tenant_id, chains.actor)' end,
        format(
            $query$
            as actor from chains),

            -- Most get no further than the first step, where there is nothing to sort.
            counted as (
                select
                    tenant_id, first_date, breakdown, 1 as step_number,
                    %1$s as user_count, count(*) as match_count,
                    array[0, 0]::double precision[] as percentiles,
                    null::double precision as previous_median
                from reached
                where cardinality(seconds) > 0
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
            case when coalesce(declaration -> 'match', '[]') in ('[]', 'null')
                then 'count(*)' else 'count(distinct actor)' end
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
comment on function funnels.counted is
'How many reached each step of a funnel, and how fast, over a range of times or, given
tenants and days, for the chains of those that begin on those days.';

create function marts.funnel(
    steps text[],
    start_time timestamptz default null,
    end_time timestamptz default null,
    tenant text default null,
    step_order text default 'ordered',
    longest interval default null,
    longest_step interval default null
) returns table (
    step_number integer,
    step text,
    user_count bigint,
    conversion_from_start double precision,
    conversion_from_previous double precision,
    median_seconds double precision,
    p90_seconds double precision,
    median_seconds_from_previous double precision
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    if cardinality(steps) not between 2 and 20 or array_position(steps, null) > 0 then
        raise exception 'steps must be 2 to 20 event types';
    end if;
    if step_order not in ('ordered', 'strict', 'any') then
        raise exception 'step_order is %; it must be ordered, strict or any', step_order;
    end if;
    if longest <= interval '0' or longest_step <= interval '0' then
        raise exception 'longest and longest_step must be more than 0 seconds';
    end if;
    if step_order = 'any' and longest_step is not null then
        raise exception 'steps in any order have no step before them: no longest_step';
    end if;
    return query select
        counted.step_number, counted.step, counted.user_count,
        counted.conversion_from_start, counted.conversion_from_previous,
        counted.median_seconds, counted.p90_seconds,
        counted.median_seconds_from_previous
    from funnels.counted(
        jsonb_build_object(
            'order', step_order,
            'window_seconds', extract(epoch from longest),
            'steps', (
                select jsonb_agg(jsonb_build_object(
                    'step', event_type,
                    'event_types', jsonb_build_array(event_type),
                    'window_seconds',
                    case when n > 1 then extract(epoch from longest_step) end
                ) order by n)
                from unnest(funnel.steps) with ordinality as named (event_type, n)
            )
        ),
        start_time, end_time, tenant
    ) as counted;
end
$$;
comment on function marts.funnel is
'How many users take these event types one after another, and how fast, of the events
from start_time (inclusive) to end_time (exclusive).';
