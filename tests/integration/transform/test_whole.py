"""All that dbt makes of raw is what a recount of the files says."""

from itertools import pairwise

from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.integration.transform.recount import recount
from tests.integration.transform.tables import assert_tells, contents
from tests.integration.transform.visits import ALL, Deliver


def test_all_files_at_once_are_what_a_recount_says(
    settings: Settings, deliver: Deliver
) -> None:
    deliver(ALL)

    transform(settings)

    assert_tells(settings, ALL)


def test_file_by_file_is_what_a_recount_says_and_a_full_refresh_changes_nothing(
    settings: Settings, deliver: Deliver
) -> None:
    for start, end in pairwise([0, 1, 3, len(ALL)]):
        deliver(ALL[start:end])
        transform(settings)
        assert_tells(settings, ALL[:end])

    transform(settings, full_refresh=True)

    assert_tells(settings, ALL)


def test_order_of_files_decides_which_repeat_is_kept_and_no_count(
    settings: Settings, deliver: Deliver
) -> None:
    backwards = ALL[::-1]
    deliver(backwards)

    transform(settings)

    assert_tells(settings, backwards)
    forwards = recount(ALL)
    assert (
        contents(settings)["tenant_events_hourly"] == (forwards["tenant_events_hourly"])
    )


def test_empty_warehouse_is_transformed_to_empty_tables(settings: Settings) -> None:
    transform(settings)

    assert all(rows == [] for rows in contents(settings).values())
