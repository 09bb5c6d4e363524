"""Postgres is killed while files are loaded; the next run makes it good."""

import random
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from event_warehouse.errors import DatabaseError
from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query
from tests.integration.transform.sessions import held
from tests.integration.transform.test_killed import crash
from tests.waiting import wait_for_waiter

HEADER = "customer_id,event_type,transaction_id,timestamp\n"
NAMES = ["a.csv", "b.csv", "c.csv", "d.csv"]
LINES = 3_000
BAD_EVERY = 10
BAD_FROM = "c.csv"
"""The first file with lines that are rejected."""
CRASHES = 4

Row = tuple[object, ...]

FILE = "regexp_replace(loads.uri, '.*/', '')"
ROWS = f"""
    select {FILE}, line_number, tenant_id, event_type, event_id, event_time
    from raw.events_raw inner join raw.loads using (load_id)
"""
REJECTED = f"""
    select {FILE}, line_number, line
    from raw.rejected_lines inner join raw.loads using (load_id)
"""
STRAY = """
    select count(*) from raw.events_raw
    where load_id not in (select load_id from raw.loads where status = 'loaded')
"""
LOADED = f"select {FILE} from raw.loads where status = 'loaded' order by 1"


def is_bad(name: str, number: int) -> bool:
    return name >= BAD_FROM and number % BAD_EVERY == 0


def line_of(name: str, number: int) -> str:
    if is_bad(name, number):
        return f"{number},bad"
    return f"{number % 7},visit,{name}-{number},2025-01-01T10:00:00Z"


def land_files(settings: Settings, land: Land) -> None:
    for name in NAMES:
        lines = [line_of(name, number) for number in range(2, LINES + 2)]
        content = HEADER + "\n".join(lines) + "\n"
        land(settings, f"customer_events/{name}", content)


def expected_rows(names: list[str]) -> Counter[Row]:
    """The rows of these files."""
    return Counter(
        (name, number, *line_of(name, number).split(","))
        for name in names
        for number in range(2, LINES + 2)
        if not is_bad(name, number)
    )


def expected_rejected(names: list[str]) -> Counter[Row]:
    return Counter(
        (name, number, line_of(name, number).encode())
        for name in names
        for number in range(2, LINES + 2)
        if is_bad(name, number)
    )


def assert_holds(settings: Settings, query: Query, names: list[str]) -> None:
    """These files whole and once, and nothing of another."""
    assert query(settings, LOADED) == [(name,) for name in names]
    assert query(settings, STRAY) == [(0,)]
    assert Counter(query(settings, ROWS)) == expected_rows(names)
    assert Counter(query(settings, REJECTED)) == expected_rejected(names)


def assert_accounted(settings: Settings, query: Query) -> None:
    transform(settings)
    accounting = verify(settings)
    assert accounting.problems == ()
    assert [load.is_pending for load in accounting.loads] == [False] * len(NAMES)
    counts = "select count(*), count(distinct event_id) from analytics.events"
    assert query(settings, counts) == [(expected_rows(NAMES).total(),) * 2]


def test_files_before_the_crash_stay_and_the_next_run_loads_the_others(
    cluster: Settings, built_warehouse: Settings, land: Land, query: Query
) -> None:
    land_files(built_warehouse, land)
    with ThreadPoolExecutor(1) as pool:
        with held(built_warehouse, "raw.rejected_lines"):
            loading = pool.submit(load_new_files, built_warehouse)
            # By then the rows of its file are written.
            wait_for_waiter(built_warehouse, "raw.rejected_lines")
            crash(cluster)
        assert isinstance(loading.exception(30), DatabaseError)

    assert_holds(built_warehouse, query, ["a.csv", "b.csv"])
    summary = load_new_files(built_warehouse)

    assert (summary.loaded, summary.already_loaded, summary.failed) == (2, 2, 0)
    assert_holds(built_warehouse, query, NAMES)
    assert_accounted(built_warehouse, query)


def test_crashes_at_random_moments_lose_nothing_and_double_nothing(
    cluster: Settings, built_warehouse: Settings, land: Land, query: Query
) -> None:
    land_files(built_warehouse, land)
    moments = random.Random(14)
    failed = 0

    for _ in range(CRASHES):
        with ThreadPoolExecutor(1) as pool:
            loading = pool.submit(load_new_files, built_warehouse)
            time.sleep(moments.uniform(0, 0.08))
            crash(cluster)
            failed += is_failed(loading)
        # What is there is whole, whichever files these are.
        there = [str(name) for (name,) in query(built_warehouse, LOADED)]
        assert_holds(built_warehouse, query, there)

    load_new_files(built_warehouse)
    assert load_new_files(built_warehouse) == LoadSummary(already_loaded=len(NAMES))
    assert failed
    assert_holds(built_warehouse, query, NAMES)
    assert_accounted(built_warehouse, query)


def is_failed(loading: Future[LoadSummary]) -> bool:
    error = loading.exception(30)
    if error is not None and not isinstance(error, DatabaseError):
        pytest.fail(f"the loader ends with {error!r}")
    return error is not None
