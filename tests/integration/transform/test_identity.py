"""Which records are the same event, and which of them is kept."""

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query
from tests.integration.transform.tables import assert_tells, contents
from tests.integration.transform.visits import FEEDS, Deliver, visit


def test_feed_without_an_identity_keeps_every_record(
    settings: Settings, land: Land, query: Query
) -> None:
    land(settings, "notes/a.json", visit() * 3)
    load_new_files(settings)

    transform(settings)

    assert query(settings, "select count(*) from analytics.events") == [(3,)]
    assert query(settings, "select from analytics.duplicate_events") == []


def test_same_event_of_two_feeds_is_two_events(
    settings: Settings, deliver: Deliver, land: Land, query: Query
) -> None:
    feeds = FEEDS + FEEDS.replace("visits", "calls").partition("notes:")[0]
    settings.feeds.write_text(feeds)
    land(settings, "calls/a.json", visit())
    deliver([("a.json", visit())])

    transform(settings)

    assert query(settings, "select count(*) from analytics.events") == [(2,)]
    assert query(settings, "select from analytics.duplicate_events") == []


def test_missing_and_empty_id_are_the_same_identity(
    settings: Settings, deliver: Deliver
) -> None:
    files = [("a.json", visit(event_id=None) + visit(event_id="")), ("b.json", visit())]
    deliver(files)

    transform(settings)

    assert_tells(settings, files)
    assert len(contents(settings)["events"]) == 2


def test_repeat_of_a_repeat_points_at_the_first(
    settings: Settings, deliver: Deliver
) -> None:
    files = [
        ("a.json", visit(page="/a") + visit(page="/b")),
        ("b.json", visit(page="/b") + visit(page="/a")),
    ]
    for one in files:
        deliver([one])
        transform(settings)

    assert contents(settings)["duplicate_events"] == [
        ("a.json", 2, "a.json", 1, True),
        ("b.json", 1, "a.json", 1, True),
        ("b.json", 2, "a.json", 1, False),
    ]
