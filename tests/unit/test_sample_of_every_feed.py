import os
import shlex
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import event_warehouse
from event_warehouse.cli import cli
from event_warehouse.sample.every_feed import last_hour, write_samples
from event_warehouse.settings import PROJECT
from tests.recount_of_every_feed import (
    SHAPES,
    Counts,
    Record,
    castable_records,
    is_castable,
    records_of,
    recount,
    time_of,
)

ANCHOR = datetime(2025, 1, 15, 18, 30, tzinfo=UTC)
DECLARED: dict[str, dict[str, Any]] = yaml.safe_load(
    (PROJECT / "feeds.yml").read_text()
)
COMMON_ATTRIBUTES = """
    event, click_id, app_id, adgem_uid, platform, os_version, device, device_name,
    campaign_id, ip, isp, connection_type, country, state, city, postal_code, lat, lon,
    useragent, sdk_version, sdk_type, publisher_id, idfa, gaid, player_id, timezone,
    carrier_name, request_url, sub_site_id, integration_type, environment, service,
    created_at, extra_info, feature_flags
"""

Files = dict[str, list[Path]]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_samples(tmp_path_factory.mktemp("samples"), anchor=ANCHOR)


def contents(folder: Path, **arguments: Any) -> dict[str, tuple[bytes, float]]:
    """Each file's bytes and time by its place, of a sample that is written there."""
    written = write_samples(folder, **{"events": 200, "anchor": ANCHOR, **arguments})
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime)
        for paths in written.values()
        for path in paths
    }


def read(paths: list[Path], feed: str) -> list[Record]:
    """The records that can be cast."""
    return [record for _, record in castable_records(paths, feed)]


# All feeds ------------------------------------------------------------------------


def test_same_arguments_make_the_same_bytes_and_file_times(tmp_path: Path) -> None:
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_an_instant_is_the_same_anchor_in_every_offset(tmp_path: Path) -> None:
    elsewhere = ANCHOR.astimezone(timezone(timedelta(hours=9)))
    assert contents(tmp_path / "a", anchor=elsewhere) == contents(tmp_path / "b")


def test_bytes_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from datetime import datetime;"
        "from event_warehouse.sample.every_feed import write_samples;"
        "anchor = datetime.fromisoformat(sys.argv[2]);"
        "write_samples(Path(sys.argv[1]), events=200, anchor=anchor)"
    )
    plugins = Path(event_warehouse.__file__).parents[1]
    # This process has another one: at random, unless the environment says which.
    hash_seed = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "other"), ANCHOR.isoformat()],
        env=os.environ | {"PYTHONPATH": str(plugins), "PYTHONHASHSEED": hash_seed},
        check=True,
    )
    here = contents(tmp_path / "here")
    other = tmp_path / "other"
    assert {name: (other / name).read_bytes() for name in here} == {
        name: content for name, (content, _) in here.items()
    }


def test_another_seed_makes_other_events(tmp_path: Path) -> None:
    one = contents(tmp_path / "1")
    other = contents(tmp_path / "2", seed=2)
    equal = {name for name in one if other.get(name) == one[name]}
    # What is known of products is the same; chance only tells where flaws are.
    assert {name.partition("/")[0] for name in equal} <= {"products"}


def test_every_declared_feed_has_files_that_it_finds(samples: Files) -> None:
    assert samples.keys() == DECLARED.keys()
    for feed, paths in samples.items():
        patterns = DECLARED[feed]["files"]
        (root,) = [folder.parent for folder in paths[0].parents if folder.name == feed]
        found = {
            path
            for pattern in ([patterns] if isinstance(patterns, str) else patterns)
            for path in root.glob(pattern)
            if path.is_file()
        }
        assert found == {*paths}


@pytest.mark.parametrize(("events", "seed"), [(100, 1), (1_000, 1), (1_234, 7)])
def test_counts_are_those_that_are_promised(
    tmp_path: Path, events: int, seed: int
) -> None:
    samples = write_samples(tmp_path, events=events, seed=seed, anchor=ANCHOR)
    found = {feed: recount(paths, feed) for feed, paths in samples.items()}
    twice = events // 50
    usual = Counts(events + twice + 6, 3, 3, duplicates=twice, kept=events)
    assert found == {
        **dict.fromkeys(DECLARED, usual),
        "products": Counts(86, 3, 3, duplicates=5, kept=75),
        "clickstream": Counts(events + 6, 3, 3, duplicates=0, kept=events),
    }


def test_nothing_happens_or_arrives_after_the_anchor(samples: Files) -> None:
    for feed, paths in samples.items():
        assert max(path.stat().st_mtime for path in paths) <= ANCHOR.timestamp()
        for path, record in castable_records(paths, feed):
            time = time_of(record, SHAPES[feed], path)
            assert time is not None
            assert time <= ANCHOR


def test_events_are_over_when_their_file_is_written(samples: Files) -> None:
    for feed, paths in samples.items():
        for path, record in castable_records(paths, feed):
            time = time_of(record, SHAPES[feed], path)
            assert time is not None
            assert time.timestamp() <= path.stat().st_mtime


def test_some_repeats_come_in_a_later_file(samples: Files) -> None:
    seen: dict[str, set[Path]] = defaultdict(set)
    for path, record in castable_records(samples["tracked_events"], "tracked_events"):
        seen[record["event_id"]].add(path)
    assert max(len(files) for files in seen.values()) == 2


@pytest.mark.parametrize("arguments", [{"events": 99}, {"events": 10**6}, {"seed": -1}])
def test_numbers_beyond_the_limits_are_refused(
    tmp_path: Path, arguments: dict[str, int]
) -> None:
    with pytest.raises(ValueError, match="needs 100 to 100000 events"):
        contents(tmp_path, **arguments)


def test_an_anchor_without_an_offset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="anchor=2025-01-15 00:00:00"):
        write_samples(tmp_path, anchor=datetime(2025, 1, 15))


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "gharchive").mkdir()
    with pytest.raises(FileExistsError, match="gharchive"):
        write_samples(tmp_path, anchor=ANCHOR)
    assert [path.name for path in tmp_path.iterdir()] == ["gharchive"]


# CSV and Parquet ------------------------------------------------------------------


def test_customer_events_come_in_each_form(samples: Files) -> None:
    plain, packed, zstandard, parquet = samples["customer_events"]
    assert plain.read_bytes().startswith(b"\xef\xbb\xbfcustomer_id,")
    assert packed.read_bytes().count(b"\x1f\x8b\x08\0\0\0\0\0") == 2
    assert zstandard.read_bytes().startswith(b"\x28\xb5\x2f\xfd")
    assert parquet.read_bytes().startswith(b"PAR1")


def test_customer_events_differ_in_the_order_of_columns(samples: Files) -> None:
    plain, packed, widened, _ = (
        [*record]
        for path in samples["customer_events"]
        for _, record in records_of(path, SHAPES["customer_events"])[:1]
        if record
    )
    assert packed == plain[::-1]
    assert widened == ["campaign", *plain]


def test_a_quoted_field_has_a_line_end(samples: Files) -> None:
    (plain, *_) = samples["customer_events"]
    pages = {record["page"] for record in read([plain], "customer_events")}
    assert "/feedback?text=First line\nSecond line" in pages


def test_times_have_several_offsets(samples: Files) -> None:
    times = {
        str(record["timestamp"])[-6:]
        for record in read(samples["customer_events"][:3], "customer_events")
    }
    assert {"+02:00", "-05:00", "+05:30", "+00:00"} < times


def test_clicks_have_a_time_in_all_some_or_no_lines(samples: Files) -> None:
    shares = []
    for path in samples["clickstream"]:
        clicks = read([path], "clickstream")
        timed = sum(bool(click.get("event_time")) for click in clicks)
        shares.append(timed / len(clicks))
    assert shares[:2] == [1, 0]
    assert 0.6 < shares[2] < 0.95
    assert shares[3] == 1


# JSON -----------------------------------------------------------------------------


def test_product_updates_come_in_each_form_of_json(samples: Files) -> None:
    exported, lines, stream = samples["product_updates"]
    assert exported.read_bytes().startswith(b'[\n{\n  "timestamp": ')
    assert exported.read_bytes().endswith(b"}\n]\n")
    assert lines.read_bytes().count(b"}\n{") > 300
    assert stream.read_bytes().count(b"}{") > 300
    assert b"\n" not in stream.read_bytes()


def test_some_comments_have_nul_escapes(samples: Files) -> None:
    edits = read(samples["product_updates"], "product_updates")
    assert 10 < sum("\0" in edit["comment"] for edit in edits) < 60


def test_products_come_in_two_versions_of_which_one_is_older(samples: Files) -> None:
    versions: dict[str, list[int]] = defaultdict(list)
    for record in read(samples["products"], "products"):
        versions[record["code"]].append(int(record["last_modified_t"]))
    changes = [second - first for first, second in filter(is_pair, versions.values())]
    assert sum(change > 0 for change in changes) == 24
    assert changes.count(0) == 5
    assert sum(change < 0 for change in changes) == 1


def is_pair(versions: list[int]) -> bool:
    return len(versions) == 2


def test_a_product_is_never_edited_and_an_edited_one_is_unknown(samples: Files) -> None:
    known, edited = (
        {record["code"] for record in read(samples[feed], feed)}
        for feed in ("products", "product_updates")
    )
    assert len(known) == 50
    assert len(known - edited) == 1
    assert len(edited - known) == 1


def test_app_events_are_named_by_their_hour_and_have_no_suffix(samples: Files) -> None:
    for path in samples["app_events"]:
        assert fnmatch(
            str(path), "*/app_events/2025/01/15/18/apps-1-2025-01-15-18-??-00-*"
        )
    assert [path.suffix for path in samples["app_events"]] == ["", ".gz", ""]


def test_app_events_have_the_common_attributes_and_lack_some(samples: Files) -> None:
    events = read(samples["app_events"], "app_events")
    filled = {
        name for event in events for name, value in event.items() if value is not None
    }
    lacking = {name for event in events for name in event if event[name] is None}
    common = {name.strip() for name in COMMON_ATTRIBUTES.split(",")}
    assert len(common) == 35
    assert filled == common | {"sdk_build"}
    assert {"click_id", "idfa", "gaid", "campaign_id", "extra_info"} <= lacking
    assert sum("feature_flags" not in event for event in events) > 300


def test_app_events_that_cannot_be_cast_have_a_bad_place_app_or_time(
    samples: Files,
) -> None:
    shape = SHAPES["app_events"]
    bad = [
        record
        for path in samples["app_events"]
        for _, record in records_of(path, shape)
        if record is not None and not is_castable(record, shape, path)
    ]
    assert len(bad) == 3
    assert "unknown" in {one["lat"] for one in bad}
    assert "app-17" in {one["app_id"] for one in bad}
    assert "0000-00-00 00:00:00" in {one["created_at"] for one in bad}


def test_api_events_are_what_the_service_writes(samples: Files) -> None:
    events = read(samples["api_events"], "api_events")
    assert {frozenset(event) - {"samplerate"} for event in events} == {
        frozenset({"event_id", "tenant_id", "ts", "data"})
    }
    assert all(event["data"]["event_tag"] for event in events)
    assert 0.01 < sum("samplerate" in event for event in events) / len(events) < 0.1


def test_github_events_are_in_the_file_of_their_hour(samples: Files) -> None:
    hours = [path.name for path in samples["gharchive"]]
    assert hours == [f"2025-01-15-{hour}.json.gz" for hour in (15, 16, 17)]
    for path in samples["gharchive"]:
        hour = path.name.removeprefix("2025-01-15-").removesuffix(".json.gz")
        latest = max(event["created_at"] for event in read([path], "gharchive"))
        assert latest.startswith(f"2025-01-15T{hour}")


def test_users_and_repositories_are_made_up(samples: Files) -> None:
    for event in read(samples["gharchive"], "gharchive"):
        assert event["actor"]["login"].startswith("made-up-")
        assert event["repo"]["name"].startswith("made-up-org/")


# The command ----------------------------------------------------------------------


def test_command_says_how_to_load_each_feed_and_all(tmp_path: Path) -> None:
    folder = tmp_path / "some samples"

    result = CliRunner().invoke(cli, ["sample", str(folder), "--events", "100"])

    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.output.splitlines()]
    loads = [shlex.split(line) for line in lines if line.startswith("warehouse load ")]
    assert [words[4] for words in loads] == [*DECLARED]
    for _, _, source, option, feed in loads:
        assert option == "--feed"
        assert Path(source) == folder / feed
        assert any(path.is_file() for path in Path(source).rglob("*"))
    setting, *command = shlex.split(lines[-1])
    assert setting == f"WAREHOUSE_LANDING={folder}"
    assert command == ["warehouse", "load"]


def test_last_hour_has_been_over_for_a_minute() -> None:
    hour = datetime(2025, 1, 15, 18, tzinfo=UTC)
    assert last_hour(hour + timedelta(seconds=59)) == hour - timedelta(hours=1)
    assert last_hour(hour + timedelta(seconds=60)) == hour
    assert last_hour(hour + timedelta(minutes=60)) == hour
