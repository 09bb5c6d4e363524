-- A sketch is the 1,024 smallest hashes of a set, sorted: all of them while there are
-- fewer, and then a sample by which the size is estimated (k minimum values; the
-- estimate and its error, 1 / sqrt(k - 2), are of Beyer et al., On synopses for
-- distinct-value estimation under multiset operations, 2007). Uniting sketches takes no
-- regard to order nor to what was united before, so late events and ranges of any
-- length are no special case.
--
-- intarray comes with Postgres and is trusted: a database's owner may create it. It
-- sorts and unites arrays of integers in C.
create schema sketch;
comment on schema sketch is
'Sets of hashes that tell how many distinct values there were, over any range.';
create extension if not exists intarray with schema sketch;

do $$
declare
    intarray text := (
        select quote_ident(nspname)
        from pg_extension
        inner join pg_namespace on pg_namespace.oid = pg_extension.extnamespace
        where extname = 'intarray'
    );
begin
    execute format($function$
        create function sketch.of(hashes integer[]) returns integer[]
        language sql immutable parallel safe
        return %1$s.subarray(%1$s.uniq(%1$s.sort(hashes)), 1, 1024)
    $function$, intarray);
    execute format($function$
        create function sketch.smallest(hashes integer[]) returns integer[]
        language sql immutable parallel safe
        return %1$s.subarray(hashes, 1, 1024)
    $function$, intarray);
    execute format($function$
        create function sketch.union_of(one integer[], other integer[])
        returns integer[]
        language sql immutable parallel safe
        return %1$s.subarray(%1$s._int_union(one, other), 1, 1024)
    $function$, intarray);
    -- The C function by itself: a state cut at each step would take a call in SQL.
    execute format($function$
        create aggregate sketch.merge(integer[]) (
            sfunc = %1$s._int_union,
            stype = integer[],
            initcond = '{}',
            combinefunc = %1$s._int_union,
            finalfunc = sketch.smallest,
            parallel = safe
        )
    $function$, intarray);
end
$$;
comment on function sketch.of is 'The sketch of a set that these hashes are all of.';
comment on function sketch.smallest is 'The part of sorted hashes that is a sketch.';
comment on function sketch.union_of is 'The sketch of the union of two sets.';
comment on aggregate sketch.merge(integer[]) is  -- noqa: LT01
'The sketch of the union of sets, given theirs.';

create function sketch.hash(value text) returns integer
language sql immutable parallel safe
as $$
select (hashtextextended(value, 0) >> 32)::integer
$$;
comment on function sketch.hash is
'What a sketch holds for a value. Of 1,024 values two share it once in 8,000 sets.';

create function sketch.distinct_count(hashes integer[]) returns bigint
language sql immutable parallel safe
as $$
select case
    when coalesce(cardinality(hashes), 0) < 1024 then coalesce(cardinality(hashes), 0)
    -- The largest as a share of all integers.
    else round(1023 / ((hashes[1024]::double precision + 2147483648) / 4294967296))
end::bigint
$$;
comment on function sketch.distinct_count is
'How many values a set has: exact below 1,024, then with a standard error of 3.1 %.';

grant usage on schema sketch to warehouse_transformer, warehouse_reader;
