"""Loads and transforms at once: none is skipped, none is applied twice."""

from concurrent.futures import ThreadPoolExecutor

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query
from tests.integration.transform.sessions import held, transformer
from tests.integration.transform.tables import assert_tells
from tests.integration.transform.visits import ALL, Deliver, visit
from tests.waiting import wait_for_waiter


def test_load_that_commits_after_one_with_a_higher_id_is_not_skipped(
    settings: Settings, deliver: Deliver, land: Land, query: Query
) -> None:
    slow = land(settings, "slow/a.json", visit(event_id="1") + "not json\n")
    with ThreadPoolExecutor(1) as pool:
        with held(settings, "raw.rejected_lines"):
            loading = pool.submit(
                load_new_files, settings, source=str(slow), feed="visits"
            )
            wait_for_waiter(settings, "raw.rejected_lines")
            deliver([("b.json", visit(event_id="2"))])
            transform(settings)
            assert query(settings, "select event_id from analytics.events") == [("2",)]
        assert loading.result(30).loaded == 1
    past_a_watermark = """
        select load_id from raw.loads
        where load_id > (select max(events.load_id) from analytics.events as events)
    """
    assert query(settings, past_a_watermark) == []
    assert query(settings, "select ledger.loads_without_apply()") == [(1,)]

    transform(settings)

    assert_tells(
        settings,
        [
            ("b.json", visit(event_id="2")),
            ("a.json", visit(event_id="1") + "not json\n"),
        ],
    )
    ids = query(settings, "select load_id from raw.loads order by finished_at")
    assert ids == [(2,), (1,)]


def test_two_transforms_at_once_are_one(settings: Settings, deliver: Deliver) -> None:
    deliver(ALL)
    with transformer(settings) as other:
        transform(settings)
        assert other.wait(60) == 0

    assert_tells(settings, ALL)
