"""Sketches count exactly below 1,024, then within the error that is promised."""

import random
from collections.abc import Iterator
from statistics import fmean, pstdev

import psycopg
import pytest

from event_warehouse.settings import Settings

SIZE = 1_024
SETS = 200
DISTINCT = 10_000
STANDARD_ERROR = 1 / (SIZE - 2) ** 0.5
"""Of the estimate, relative: 3.1 % (Beyer et al., 2007)."""

COUNT_OF_RANGE = """
    select sketch.distinct_count(sketch.of(array_agg(sketch.hash(n::text))))
    from generate_series(1, %s) as n
"""


@pytest.fixture
def connection(warehouse: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(warehouse.dsn) as connection:
        yield connection


def only(connection: psycopg.Connection, query: str, *values: object) -> object:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("distinct", [1, 2, 1_000, SIZE - 1])
def test_fewer_values_than_a_sketch_holds_are_counted_exactly(
    connection: psycopg.Connection, distinct: int
) -> None:
    assert only(connection, COUNT_OF_RANGE, distinct) == distinct


def test_repeated_values_count_once(connection: psycopg.Connection) -> None:
    count = only(
        connection,
        """
        select sketch.distinct_count(sketch.of(array_agg(sketch.hash(value))))
        from (
            select mod(n, 700)::text as value from generate_series(1, 70000) as n
        ) as values_700
        """,
    )

    assert count == 700


def test_more_values_are_estimated_without_bias_and_within_the_error(
    connection: psycopg.Connection,
) -> None:
    # Hashes as good as any, of a generator with a seed: the estimate, not the hash.
    generator = random.Random(20_250_101)
    errors = []
    for _ in range(SETS):
        hashes = [generator.randrange(-(2**31), 2**31) for _ in range(DISTINCT)]
        count = only(
            connection, "select sketch.distinct_count(sketch.of(%s::int[]))", hashes
        )
        errors.append(int(str(count)) / DISTINCT - 1)

    assert abs(fmean(errors)) < 3 * STANDARD_ERROR / SETS**0.5
    assert 0.8 * STANDARD_ERROR < pstdev(errors) < 1.2 * STANDARD_ERROR
    assert max(map(abs, errors)) < 4 * STANDARD_ERROR


@pytest.mark.parametrize("distinct", [SIZE, 5_000, 200_000])
def test_hashed_texts_are_estimated_within_the_error(
    connection: psycopg.Connection, distinct: int
) -> None:
    count = only(connection, COUNT_OF_RANGE, distinct)

    assert abs(int(str(count)) / distinct - 1) < 4 * STANDARD_ERROR


@pytest.mark.parametrize("distinct", [900, 20_000])
def test_union_is_the_same_in_any_order_and_grouping(
    connection: psycopg.Connection, distinct: int
) -> None:
    generator = random.Random(7)
    values = [generator.randrange(-(2**31), 2**31) for _ in range(distinct)]
    # Parts that overlap, some of them empty, of very different sizes.
    parts = [
        generator.sample(values, size)
        for size in (0, 1, distinct // 9, distinct // 2, 0, distinct // 3)
    ] + [values[::2], values[1::2]]
    sketches = [only(connection, "select sketch.of(%s::int[])", part) for part in parts]
    whole = only(connection, "select sketch.of(%s::int[])", values)

    for _ in range(5):
        generator.shuffle(sketches)
        assert merged(connection, sketches) == whole
        assert merged(connection, sketches, united=True) == whole
        one_by_one: object = []
        for one in sketches:
            one_by_one = united(connection, one_by_one, one)
        assert one_by_one == whole
        middle = generator.randrange(1, len(sketches))
        halves = sketches[:middle], sketches[middle:]
        assert (
            united(connection, *(merged(connection, half) for half in halves)) == whole
        )


def merged(
    connection: psycopg.Connection, sketches: list[object], *, united: bool = False
) -> object:
    return only(
        connection,
        f"""
        select {
            "sketch.smallest(sketch.united(hashes))"
            if united
            else "sketch.merge(hashes)"
        }
        from (
            select array(select hash::int from jsonb_array_elements_text(part) as hash)
            from jsonb_array_elements(%s::jsonb) as part
        ) as parts (hashes)
        """,
        str(sketches),
    )


def united(connection: psycopg.Connection, one: object, other: object) -> object:
    return only(connection, "select sketch.union_of(%s::int[], %s::int[])", one, other)


def test_sketch_holds_no_more_than_its_smallest_hashes(
    connection: psycopg.Connection,
) -> None:
    hashes = list(range(5_000, -5_000, -1))

    found = only(connection, "select sketch.of(%s::int[])", hashes)

    assert found == sorted(hashes)[:SIZE]


def test_nothing_counts_as_none(connection: psycopg.Connection) -> None:
    assert connection.execute(
        """
        select
            sketch.distinct_count('{}'),
            sketch.distinct_count(null),
            sketch.hash(null),
            sketch.of('{}'),
            sketch.union_of('{}', '{}'),
            (select sketch.merge(part) from (values ('{}'::int[])) as parts (part)),
            (select sketch.merge(part) from (values ('{1}'::int[])) as parts (part)
                where false),
            (select sketch.united(part) from (values ('{1}'::int[])) as parts (part)
                where false)
        """
    ).fetchone() == (0, 0, None, [], [], [], [], None)


def test_missing_sketch_among_others_leaves_them_as_they_are(
    connection: psycopg.Connection,
) -> None:
    found = only(
        connection,
        """
        select sketch.merge(part)
        from (values ('{3,4}'::int[]), (null), ('{1,3}')) as parts (part)
        """,
    )

    assert found == [1, 3, 4]
