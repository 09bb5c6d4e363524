"""The sample of every feed, from its files to the marts: each record is accounted for.

What is expected is recounted from the files by code that knows nothing of the package.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.reports.accounting import verify
from event_warehouse.sample.every_feed import write_samples
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Query
from tests.recount_of_every_feed import (
    SHAPES,
    Counts,
    castable_records,
    changed,
    field,
    records_of,
    recount,
    time_of,
)

ANCHOR = datetime(2025, 1, 15, 18, 30, tzinfo=UTC)

Files = dict[str, list[Path]]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The files of each feed; they were changed long ago."""
    return write_samples(tmp_path_factory.mktemp("samples"), anchor=ANCHOR)


@pytest.fixture(scope="module")
def recounted(samples: Files) -> dict[str, Counts]:
    return {feed: recount(paths, feed) for feed, paths in samples.items()}


@pytest.fixture
def loaded(warehouse: Settings, samples: Files) -> Settings:
    """A warehouse whose landing folder is the sample, loaded once."""
    settings = replace(warehouse, landing=folder_of(samples))
    load_new_files(settings)
    return settings


@pytest.fixture
def transformed(built_warehouse: Settings, samples: Files) -> Settings:
    """The same with all models."""
    settings = replace(built_warehouse, landing=folder_of(samples))
    load_new_files(settings)
    transform(settings)
    return settings


def folder_of(samples: Files) -> Path:
    return samples["products"][0].parents[1]


# Load -----------------------------------------------------------------------------


def test_folder_of_each_feed_loads_by_itself(
    warehouse: Settings, samples: Files, recounted: dict[str, Counts]
) -> None:
    for feed, counts in recounted.items():
        source = str(folder_of(samples) / feed)

        summary = load_new_files(warehouse, source=source, feed=feed)

        assert summary == LoadSummary(
            loaded=len(samples[feed]),
            rows=counts.records - counts.rejected_lines,
            rejected_lines=counts.rejected_lines,
        ), feed


def test_whole_folder_loads_as_landed_and_only_once(
    warehouse: Settings, samples: Files, recounted: dict[str, Counts]
) -> None:
    settings = replace(warehouse, landing=folder_of(samples))
    files = sum(map(len, samples.values()))

    assert load_new_files(settings) == LoadSummary(
        loaded=files,
        rows=sum(one.records - one.rejected_lines for one in recounted.values()),
        rejected_lines=sum(one.rejected_lines for one in recounted.values()),
    )
    assert load_new_files(settings) == LoadSummary(already_loaded=files)


def test_folder_that_landed_has_nothing_new_in_a_feeds_own_folder(
    loaded: Settings, samples: Files
) -> None:
    for feed, paths in samples.items():
        source = str(folder_of(samples) / feed)
        summary = load_new_files(loaded, source=source, feed=feed)
        assert summary == LoadSummary(already_loaded=len(paths)), feed


def test_fields_that_are_new_or_gone_are_reported_with_their_file(
    loaded: Settings, samples: Files, query: Query
) -> None:
    reported = query(
        loaded,
        """
        select uri, unknown_fields, missing_fields from raw.loads
        where unknown_fields <> '{}' or missing_fields <> '{}'
        order by load_id
        """,
    )

    exported, widened, _ = samples["product_updates"]
    first, _, latest = samples["app_events"]
    assert reported == [
        (exported.as_uri(), [], ["diffs"]),
        (widened.as_uri(), ["owner"], []),
        (first.as_uri(), [], ["feature_flags"]),
        (latest.as_uri(), ["sdk_build"], []),
    ]


def test_column_that_no_feed_declares_is_kept(
    loaded: Settings, samples: Files, query: Query
) -> None:
    kept = query(
        loaded,
        """
        select loads.uri, count(*) from raw.events_raw
        inner join raw.loads using (load_id)
        where attributes::jsonb ->> 'campaign' = 'spring'
        group by 1
        """,
    )

    widened = samples["customer_events"][2]
    records = [record for _, record in records_of(widened, SHAPES["customer_events"])]
    expected = sum(record["campaign"] == "spring" for record in records if record)
    assert expected > 0
    assert kept == [(widened.as_uri(), expected)]


def test_records_with_nul_are_kept_as_they_arrived(
    loaded: Settings, samples: Files, query: Query
) -> None:
    kept = query(
        loaded,
        """
        select loads.uri, line from raw.stripped_lines
        inner join raw.loads using (load_id) order by load_id, line_number
        """,
    )

    expected = [
        (path.as_uri(), text)
        for feed in ("product_updates", "products")
        for path in samples[feed]
        for text, record in records_of(path, SHAPES[feed])
        if record and b"\\u0000" in text
    ]
    assert len(expected) > 10
    assert kept == expected


# Transform ------------------------------------------------------------------------


def test_every_record_of_every_feed_is_accounted_for(
    transformed: Settings, recounted: dict[str, Counts]
) -> None:
    accounting = verify(transformed)

    assert accounting.problems == ()
    found: dict[str, Counter[str]] = {feed: Counter() for feed in recounted}
    for load in accounting.loads:
        assert not load.is_pending
        found[load.feed].update(
            records=load.records,
            rejected_lines=load.rejected_lines,
            rejected=load.rejected_events,
            duplicates=load.duplicates,
            events=load.events,
            references=load.reference_rows,
        )
    assert {
        feed: Counts(
            counts["records"],
            counts["rejected_lines"],
            counts["rejected"],
            counts["duplicates"],
            kept=counts["references" if feed == "products" else "events"],
        )
        for feed, counts in found.items()
    } == recounted


def test_events_have_the_times_that_their_records_say(
    transformed: Settings, samples: Files, query: Query
) -> None:
    found = query(
        transformed,
        """
        select distinct feed, event_time from analytics.events
        inner join raw.feeds using (feed_id)
        """,
    )

    expected = {
        (feed, time_of(record, SHAPES[feed], path))
        for feed, paths in samples.items()
        if feed != "products"
        for path, record in castable_records(paths, feed)
    }
    assert {*found} == expected


def test_clicks_without_a_time_have_that_of_their_file(
    transformed: Settings, samples: Files, query: Query
) -> None:
    found = query(
        transformed,
        """
        select loads.uri, event_time, count(*) from analytics.events
        inner join raw.loads using (load_id)
        where has_file_time group by 1, 2
        """,
    )

    expected = Counter(
        (path.as_uri(), changed(path))
        for path, record in castable_records(samples["clickstream"], "clickstream")
        if not field(record, "event_time")
    )
    assert len(expected) == 2
    assert {(uri, time): count for uri, time, count in found} == expected


def test_newest_version_of_each_product_counts(
    transformed: Settings, samples: Files, query: Query
) -> None:
    found = query(
        transformed,
        """
        select entity_id, version, attributes ->> 'product_name'
        from analytics.reference_latest where feed = 'products'
        """,
    )

    newest: dict[str, tuple[int, str]] = {}
    for _, product in castable_records(samples["products"], "products"):
        version = int(product["last_modified_t"]), product["product_name"]
        newest[product["code"]] = max(version, newest.get(product["code"], version))
    assert {code: (version, name) for code, version, name in found} == {
        code: (version, name.replace("\0", ""))
        for code, (version, name) in newest.items()
    }
