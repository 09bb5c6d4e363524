"""What a deleted user's records were read from goes with them, also replayed lines."""

import psycopg
import pytest

from event_warehouse.lifecycle.forget import forget
from event_warehouse.load.replay import ReplaySummary, replay_rejected_lines
from event_warehouse.migrate import MIGRATIONS
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.integration.lifecycle.conftest import Deliver
from tests.integration.lifecycle.months import FEEDS, ask, visit

DELETED_VALUES = MIGRATIONS / "versions" / "v0013_deleted_values.sql"
STRIPS = FEEDS.replace("kind: reference", "kind: reference\n  strip_nul: true")
STRIPS_NOT = FEEDS.replace("strip_nul: true", "strip_nul: false")
VISITS = (
    visit(event_id=1, user_id="ada", note="NUL")
    + visit(event_id=2, user_id="bob", note="NUL")
    + visit(event_id=3, user_id="ada", at="never", note="NUL")
    + visit(event_id=4, user_id="bob")
).replace("NUL", "\0")
PRODUCTS = (
    visit(code="p-1", user_id="ada", note="NUL") + visit(code="p-2", user_id="bob")
).replace("NUL", "\0")
LINES = """
    select line_number, replayed_by is not null, encode(line, 'escape')
    from raw.rejected_lines order by load_id, line_number
"""


@pytest.mark.parametrize(
    "is_replayed_before", [True, pytest.param(False, marks=pytest.mark.long)]
)
def test_line_of_a_deleted_user_goes_when_it_was_replayed_and_others_stay(
    settings: Settings, deliver: Deliver, *, is_replayed_before: bool
) -> None:
    def replay() -> None:
        settings.feeds.write_text(STRIPS)
        assert replay_rejected_lines(settings) == ReplaySummary(4, 0)

    settings.feeds.write_text(STRIPS_NOT)
    deliver("visits/a.json", VISITS)
    deliver("products/a.json", PRODUCTS)
    assert len(ask(settings, LINES)) == 4
    if is_replayed_before:
        replay()
    # Else it is known by its lines only, which can't be told to be of the user.
    receipt = forget(settings, tenant_id="acme", user_id="ada")
    if not is_replayed_before:
        assert receipt.content["mentions"] == {"raw.rejected_lines.line": 3}
        replay()
    transform(settings)

    ((number, is_replayed, line),) = ask(settings, LINES)
    assert (number, is_replayed) == (2, True)
    assert '"user_id": "bob"' in str(line)
    assert ask(
        settings,
        "select user_id, coalesce(event_id, entity_id) from raw.events_raw order by 2",
    ) == [("bob", "2"), ("bob", "4"), (None, "p-1"), ("bob", "p-2")]
    assert "ada" not in str(ask(settings, "select line::text from raw.stripped_lines"))
    assert verify(settings).problems == ()
    assert ask(settings, "select distinct status from marts.accounting") == [
        ("balanced",)
    ]
    transform(settings, full_refresh=True)
    assert verify(settings).problems == ()
    if is_replayed_before:
        assert receipt.content["removed"]["raw.rejected_lines"] == 3
        assert receipt.content["mentions"] == {}
        assert [uri.rpartition("/")[2] for uri in receipt.files] == ["a.json", "a.json"]


@pytest.mark.long
def test_lines_that_deletions_by_an_older_version_have_left_go_with_the_migration(
    settings: Settings, deliver: Deliver
) -> None:
    settings.feeds.write_text(STRIPS_NOT)
    deliver("visits/a.json", VISITS)
    settings.feeds.write_text(STRIPS)
    replay_rejected_lines(settings)
    forget(settings, tenant_id="acme", user_id="ada")
    with psycopg.connect(settings.dsn) as connection:
        connection.execute("""
            insert into raw.rejected_lines (
                load_id, line_number, reason, byte_count, line, replayed_by
            )
            select load_id, unnest(array[1, 3]), 'has NUL', 3, 'ada', replayed_by
            from ledger.removed_rows
            where table_name = 'raw.rejected_lines';
            delete from ledger.removed_rows where table_name = 'raw.rejected_lines';
            drop table ledger.value_bounds;
        """)
        # By itself: later versions can't be run a second time.
        connection.execute(DELETED_VALUES.read_bytes())

    assert [
        (number, is_replayed) for number, is_replayed, _ in ask(settings, LINES)
    ] == [(2, True)]
    assert verify(settings).problems == ()
