import csv
import io
import os
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import event_warehouse
from event_warehouse.sample import COLUMNS, DAYS, files, write_sample
from event_warehouse.sample.visits import Day, visits

ANCHOR = datetime(2026, 11, 15, 18, 30, tzinfo=UTC)
EVENTS = 20_000
SMALLEST_WITH_FLAWS = 1_000
PLACES = {column: place for place, column in enumerate(COLUMNS)}
NOT_TIMES = {"not-a-time", "2026-13-45T00:00:00Z", "now"}

FileBytes = dict[str, bytes]


@dataclass(frozen=True)
class Record:
    day: date
    fields: tuple[str, ...]

    def __getitem__(self, column: str) -> str:
        return self.fields[PLACES[column]]

    @property
    def identity(self) -> tuple[str, ...]:
        return self.fields[:4]

    @cached_property
    def time(self) -> datetime:
        return datetime.fromisoformat(self["timestamp"]).astimezone(UTC)


class Sample(NamedTuple):
    records: list[Record]
    broken: list[bytes]

    @property
    def castable(self) -> list[Record]:
        return [
            record
            for record in self.records
            if record["timestamp"] not in NOT_TIMES and record["sample_rate"] != "lots"
        ]


def parse(text: bytes) -> tuple[str, ...] | None:
    if b"\0" in text:
        return None
    try:
        rows = list(csv.reader(io.StringIO(text.decode(), newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError):
        return None
    return tuple(rows[0]) if [len(row) for row in rows] == [len(COLUMNS)] else None


def read(paths: list[Path]) -> Sample:
    """A record is one line, or two if a quoted field holds the newline."""
    sample = Sample([], [])
    for path in paths:
        day = date.fromisoformat(path.stem.removeprefix("customer_events-"))
        header, *lines, _ = path.read_bytes().split(b"\n")
        assert header == ",".join(COLUMNS).encode()
        while lines:
            line = lines.pop(0)
            fields = parse(line)
            if fields is None and lines:
                fields = parse(line + b"\n" + lines[0])
                del lines[: fields is not None]
            if fields is None:
                sample.broken.append(line)
            else:
                sample.records.append(Record(day, fields))
    return sample


def written(folder: Path, *, events: int = 2_000, seed: int = 1) -> FileBytes:
    paths = write_sample(folder, events=events, seed=seed, anchor=ANCHOR)
    return {path.name: path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("sample")
    return read(write_sample(folder, events=EVENTS, anchor=ANCHOR))


@pytest.fixture(scope="module")
def firsts(sample: Sample) -> list[Record]:
    """The castable events without their duplicates."""
    seen: dict[tuple[str, ...], Record] = {}
    for record in sample.castable:
        seen.setdefault(record.identity, record)
    return list(seen.values())


def test_same_arguments_make_the_same_bytes_and_file_times(tmp_path: Path) -> None:
    assert written(tmp_path / "a") == written(tmp_path / "b")
    times = [
        [path.stat().st_mtime_ns for path in sorted((tmp_path / name).iterdir())]
        for name in ("a", "b")
    ]
    assert times[0] == times[1]


def test_writing_again_replaces_the_files_and_leaves_no_others(tmp_path: Path) -> None:
    before = written(tmp_path)
    assert written(tmp_path) == before
    assert {path.name for path in tmp_path.iterdir()} == set(before)


def test_bytes_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    plugins = Path(event_warehouse.__file__).parents[1]
    program = (
        "import sys; from pathlib import Path; from datetime import datetime;"
        "from event_warehouse.sample import write_sample;"
        "anchor = datetime.fromisoformat(sys.argv[2]);"
        "write_sample(Path(sys.argv[1]), events=2000, seed=1, anchor=anchor)"
    )
    # This process has another one: at random, unless the environment says which.
    hash_seed = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "other"), ANCHOR.isoformat()],
        env=os.environ | {"PYTHONPATH": str(plugins), "PYTHONHASHSEED": hash_seed},
        check=True,
    )
    there = {path.name: path.read_bytes() for path in (tmp_path / "other").iterdir()}
    assert there == written(tmp_path / "here")


def test_an_instant_is_the_same_anchor_in_every_offset(tmp_path: Path) -> None:
    elsewhere = ANCHOR.astimezone(timezone(timedelta(hours=9)))
    paths = write_sample(tmp_path / "a", events=2_000, anchor=elsewhere)
    there = {path.name: path.read_bytes() for path in paths}
    assert there == written(tmp_path / "b")


def test_another_seed_makes_other_events(tmp_path: Path) -> None:
    one, two = (
        read([folder / name for name in written(folder, seed=seed)])
        for seed, folder in ((1, tmp_path / "1"), (2, tmp_path / "2"))
    )
    identities = {record["transaction_id"] for record in one.records}
    assert identities.isdisjoint(record["transaction_id"] for record in two.records)


def test_global_random_state_is_neither_used_nor_changed(tmp_path: Path) -> None:
    np.random.seed(1)
    before = str(np.random.get_state())
    first = written(tmp_path / "a")
    assert str(np.random.get_state()) == before
    np.random.seed(2)
    assert written(tmp_path / "b") == first


def test_files_are_the_fourteen_days_that_end_at_the_anchor(tmp_path: Path) -> None:
    paths = write_sample(tmp_path, events=100, anchor=ANCHOR)
    days = [date(2026, 11, 2) + timedelta(days=n) for n in range(DAYS)]
    assert [path.name for path in paths] == [f"customer_events-{d}.csv" for d in days]
    changed = [datetime.fromtimestamp(path.stat().st_mtime, tz=UTC) for path in paths]
    assert changed[0] == datetime(2026, 11, 3, tzinfo=UTC)
    assert changed[-1] == ANCHOR


def test_an_anchor_at_midnight_ends_the_day_before(tmp_path: Path) -> None:
    midnight = datetime(2026, 11, 16, tzinfo=UTC)
    paths = write_sample(tmp_path, events=100, anchor=midnight)
    assert paths[-1].name == "customer_events-2026-11-15.csv"
    assert paths[-1].stat().st_mtime == midnight.timestamp()


@pytest.mark.parametrize("seconds", [0.001, 1, 299])
def test_the_last_day_may_be_a_moment(tmp_path: Path, seconds: float) -> None:
    anchor = datetime(2026, 11, 15, tzinfo=UTC) + timedelta(seconds=seconds)
    paths = write_sample(tmp_path, events=2_000, anchor=anchor)
    assert paths[-1].name == "customer_events-2026-11-15.csv"
    assert max(record.time for record in read(paths).castable) < anchor


def test_a_file_that_cannot_be_finished_is_never_found_by_its_feed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished: list[Path] = []

    def fail(*_: object, **__: object) -> None:
        unfinished.extend(tmp_path.iterdir())
        raise OSError("no space left")

    monkeypatch.setattr(files, "write_lines", fail)
    with pytest.raises(OSError, match="no space left"):
        write_sample(tmp_path, events=10, anchor=ANCHOR)
    assert [".csv" in path.name for path in unfinished] == [False]
    assert list(tmp_path.iterdir()) == []


def test_an_anchor_without_an_offset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="anchor=2026-11-15 00:00:00"):
        write_sample(tmp_path, events=1, anchor=datetime(2026, 11, 15))


@pytest.mark.parametrize(("events", "seed"), [(-1, 1), (1, -1)])
def test_negative_numbers_are_refused(tmp_path: Path, events: int, seed: int) -> None:
    with pytest.raises(ValueError, match="neither may be negative"):
        write_sample(tmp_path, events=events, seed=seed, anchor=ANCHOR)


def test_no_events_make_files_of_a_header_only(tmp_path: Path) -> None:
    assert set(written(tmp_path, events=0).values()) == {
        ",".join(COLUMNS).encode() + b"\n"
    }


@pytest.mark.parametrize("events", [1, 2, 13, 99])
def test_small_samples_have_exactly_their_events(tmp_path: Path, events: int) -> None:
    sample = read(write_sample(tmp_path, events=events, anchor=ANCHOR))
    assert len({record.identity for record in sample.records}) == events
    assert len(sample.castable) == events
    assert sample.broken == []


def test_lines_are_the_events_and_what_is_added_to_them(sample: Sample) -> None:
    assert len({record.identity for record in sample.records}) == EVENTS
    assert len(sample.records) == EVENTS + EVENTS // 100 + EVENTS // 2_000
    assert len(sample.broken) == 5


def test_larger_samples_keep_their_proportions(tmp_path: Path) -> None:
    events = 100_000
    content = b"".join(written(tmp_path, events=events).values())
    odd_pages = content.count(b"\nSecond line")
    lines = content.count(b"\n") - DAYS - odd_pages
    assert lines == events + events // 100 + events // 2_000 + events // 10_000
    assert content.count(b"\0") == 2
    assert content.count(b",lots,") == events // 8_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_smallest_sample_with_flaws_has_each_of_them(
    tmp_path: Path, seed: int
) -> None:
    sample = read(
        write_sample(tmp_path, events=SMALLEST_WITH_FLAWS, seed=seed, anchor=ANCHOR)
    )
    too_few, *others = sorted(sample.broken, key=lambda line: line.count(b","))
    assert too_few.count(b",") == 5
    assert others.pop().count(b",") == len(COLUMNS) + 1
    assert [line.count(b",") for line in others] == [len(COLUMNS) - 1] * 3
    assert sum(b"\0" in line for line in others) == 1
    assert sum(b"\xe9" in line for line in others) == 1
    (unterminated,) = [line for line in others if line.count(b'"') == 1]
    assert unterminated.split(b",")[COLUMNS.index("page")].startswith(b'"')

    times = Counter(record["timestamp"] for record in sample.records)
    assert [times[text] for text in NOT_TIMES] == [1, 1, 1]
    assert sum(record["sample_rate"] == "lots" for record in sample.records) == 1


def test_repeats_are_the_same_line_in_the_same_or_a_later_file(sample: Sample) -> None:
    days: dict[tuple[str, ...], list[date]] = defaultdict(list)
    for record in sample.records:
        days[record.fields].append(record.day)
    repeated = [seen for seen in days.values() if len(seen) > 1]
    assert len(repeated) == EVENTS // 100
    assert {first == second for first, second in repeated} == {True, False}


def test_corrections_keep_the_identity_and_change_the_content(sample: Sample) -> None:
    contents: dict[tuple[str, ...], dict[tuple[str, ...], str]] = defaultdict(dict)
    for record in sample.records:
        contents[record.identity][record.fields] = record["country"]
    corrected = [list(seen.values()) for seen in contents.values() if len(seen) > 1]
    assert len(corrected) == EVENTS // 2_000
    assert all(first != second for first, second in corrected)


def test_late_events_stand_in_the_files_of_later_days(firsts: list[Record]) -> None:
    lags = Counter((event.day - event.time.date()).days for event in firsts)
    assert set(lags) == set(range(7))
    assert 0.005 < 1 - lags[0] / EVENTS < 0.02


def test_nothing_arrives_before_it_happens(firsts: list[Record]) -> None:
    assert all(event.time.date() <= event.day for event in firsts)
    assert all(event.time < ANCHOR for event in firsts)


def test_lines_stand_in_the_order_of_arrival(sample: Sample) -> None:
    pairs = list(pairwise(sample.castable))
    in_order = [
        pair for pair in pairs if pair[1].time > pair[0].time - timedelta(seconds=5)
    ]
    assert len(in_order) / len(pairs) > 0.95


def test_no_session_outlasts_the_sample() -> None:
    minute = Day(start=1_800_000_000_000, end=1_800_000_060_000, first=0, count=500)
    events = visits(
        np.random.default_rng(1),
        minute,
        until=minute.end,
        users_per_tenant=np.full(8, 5),
        seed=1,
    )
    assert len(events) == 500
    assert events["time"].max() < minute.end


@pytest.mark.parametrize("offset", ["Z", "+00:00", "+02:00", "-05:00", "+05:30"])
def test_times_are_right_in_every_offset(firsts: list[Record], offset: str) -> None:
    written_so = [event for event in firsts if event["timestamp"].endswith(offset)]
    in_time = [event for event in written_so if event.time.date() == event.day]
    assert len(written_so) > 200
    assert len(in_time) / len(written_so) > 0.97


def test_times_stand_with_and_without_a_fraction(firsts: list[Record]) -> None:
    lengths = Counter(
        len(event["timestamp"].partition(".")[2].rstrip("Z").partition("+")[0])
        for event in firsts
        if event["timestamp"].endswith("Z")
    )
    assert set(lengths) == {0, 3, 6}


def test_a_device_writes_all_its_times_alike(firsts: list[Record]) -> None:
    lengths: dict[str, set[int]] = defaultdict(set)
    for event in firsts:
        if event["device_id"]:
            lengths[event["device_id"]].add(len(event["timestamp"]))
    assert {len(seen) for seen in lengths.values()} == {1}


def test_the_largest_tenant_has_half_of_all_events(firsts: list[Record]) -> None:
    sizes = Counter(event["customer_id"] for event in firsts).most_common()
    assert len(sizes) == 8
    assert sizes[0][0] == "acme"
    assert sizes[0][1] / EVENTS == pytest.approx(0.5, abs=0.05)
    assert sizes[0][1] > 10 * sizes[-1][1]


def test_a_few_users_do_much_and_most_do_little(firsts: list[Record]) -> None:
    users = Counter(
        (event["customer_id"], event["user_id"]) for event in firsts if event["user_id"]
    )
    activity = sorted(users.values(), reverse=True)
    assert sum(activity[: len(activity) // 10]) / sum(activity) > 0.25
    assert activity[0] > 5 * activity[len(activity) // 2]


def test_users_keep_to_one_country_and_at_most_two_devices(
    firsts: list[Record],
) -> None:
    devices: dict[tuple[str, str], set[str]] = defaultdict(set)
    countries: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for event in firsts:
        user = event["customer_id"], event["user_id"]
        if event["user_id"]:
            devices[user].update(filter(None, [event["device_id"]]))
            countries[user][event["country"]] += 1
    assert Counter(len(known) for known in devices.values()).keys() >= {1, 2}
    assert max(len(known) for known in devices.values()) == 2
    home = sum(max(seen.values()) for seen in countries.values())
    assert home / sum(seen.total() for seen in countries.values()) > 0.9


def test_nights_and_weekends_are_quieter(firsts: list[Record]) -> None:
    hours = Counter(event.time.hour for event in firsts)
    days = Counter(event.time.date() for event in firsts)
    assert min(hours.values()) < 0.5 * max(hours.values())
    assert days[date(2026, 11, 8)] < 0.75 * days[date(2026, 11, 5)]


def test_each_step_of_the_funnel_loses_sessions(firsts: list[Record]) -> None:
    sessions: dict[str, set[str]] = defaultdict(set)
    for event in firsts:
        sessions[event["event_type"]].add(event["session_id"])
    steps = ["page_view", "product_view", "add_to_cart", "checkout", "purchase"]
    reached = [len(sessions[step]) for step in steps]
    assert all(later < 0.8 * earlier for earlier, later in pairwise(reached))
    assert reached[-1] > 100
    assert set(sessions) == {*steps, "search", "login"}


def test_a_purchase_follows_the_steps_for_the_same_product(
    firsts: list[Record],
) -> None:
    steps: dict[tuple[str, str], list[tuple[datetime, str]]] = defaultdict(list)
    for event in firsts:
        if event["session_id"] and event["entity_id"]:
            key = event["session_id"], event["entity_id"]
            steps[key].append((event.time, event["event_type"]))
    bought = [
        [kind for _, kind in sorted(seen)]
        for seen in steps.values()
        if "purchase" in {kind for _, kind in seen}
    ]
    course = ["product_view", "add_to_cart", "checkout", "purchase"]
    # An event of a course that cannot be cast is missing here.
    assert sum(kinds[-4:] == course for kinds in bought) > 0.98 * len(bought)


def test_sessions_are_seconds_to_minutes_between_events(firsts: list[Record]) -> None:
    times: dict[str, list[datetime]] = defaultdict(list)
    for event in firsts:
        if event["session_id"]:
            times[event["session_id"]].append(event.time)
    ordered = [sorted(seen) for seen in times.values()]
    gaps = [later - earlier for seen in ordered for earlier, later in pairwise(seen)]
    assert min(gaps) >= timedelta(seconds=1)
    assert timedelta(minutes=3) < max(gaps) < timedelta(minutes=30)


def test_only_what_is_about_a_product_names_it(firsts: list[Record]) -> None:
    named = {event["event_type"] for event in firsts if event["entity_id"]}
    priced = {event["event_type"] for event in firsts if event["amount"]}
    assert named == {"product_view", "add_to_cart", "checkout", "purchase"}
    assert priced == {"add_to_cart", "purchase"}
    assert all(bool(event["amount"]) == bool(event["currency"]) for event in firsts)


def test_any_value_but_those_of_the_identity_may_be_missing(
    firsts: list[Record],
) -> None:
    missing = {name for name in COLUMNS if any(event[name] == "" for event in firsts)}
    assert missing == {*COLUMNS[4:]} - {"platform", "environment", "service"}


def test_a_few_pages_need_quotes(firsts: list[Record]) -> None:
    odd = [event["page"] for event in firsts if set(event["page"]) & set(',"\n')]
    assert {mark for page in odd for mark in page if mark in ',"\n'} == set(',"\n')
    assert 0.0005 < len(odd) / EVENTS < 0.005
