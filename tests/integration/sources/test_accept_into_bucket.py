"""`POST /events` into a bucket: what is acknowledged is an object there, and loaded."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from event_warehouse.accept.bucket_segments import BucketSegments
from event_warehouse.accept.limits import Limits
from event_warehouse.accept.open_store import check_store, open_store
from event_warehouse.accept.store import StoreError
from event_warehouse.errors import ServiceError
from event_warehouse.load.files import load_new_files
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings, read_settings
from event_warehouse.sources.s3 import (
    S3Location,
    find_landed_in_bucket,
    parse_location,
)
from event_warehouse.transform.run import transform
from tests.api_server import VISIT, Server, Start, servers, wait_for
from tests.faulty_proxy import FAULTLESS, Chances, Fault, FaultyProxy
from tests.fixture_types import Query
from tests.s3_server import S3Server
from tests.waiting import wait_until

NOW = datetime(2025, 6, 1, 12, 30, tzinfo=UTC)
ATTEMPTS = 2
QUICK = {"put_attempts": ATTEMPTS, "put_seconds": 0.3}
REFUSED = Fault(status=503)
FAILED = Fault(status=500, code="InternalError")
DROPPED = Fault(is_dropped=True)
RESET = Fault(is_dropped=True, is_reset=True)
LATE = Fault(delay_seconds=0.6)
"""It is stored, but its client has given it up by then."""
OUTAGE = [REFUSED, REFUSED, DROPPED, RESET, LATE, FAULTLESS, FAILED, DROPPED]
"""Two attempts each for four groups, the third of which is stored."""
REQUESTS = 40

MakeClient = Callable[..., Any]
Objects = Callable[[], dict[str, bytes]]


@pytest.fixture
def objects(s3_direct: Any, bucket: str) -> Objects:
    """All that the bucket holds, by key, hidden objects too."""

    def read() -> dict[str, bytes]:
        listed = s3_direct.list_objects_v2(Bucket=bucket).get("Contents", [])
        keys = [entry["Key"] for entry in listed]
        return {
            key: s3_direct.get_object(Bucket=bucket, Key=key)["Body"].read()
            for key in keys
        }

    return read


@pytest.fixture
def store(
    s3_proxy: FaultyProxy, make_client: MakeClient, bucket: str
) -> BucketSegments:
    """A store that reaches the bucket through the proxy."""
    client = make_client(
        s3_proxy.url, attempts=ATTEMPTS, connect_seconds=0.3, read_seconds=0.3
    )
    place = S3Location(bucket, "in/api_events")
    return BucketSegments(place, client=client, now=lambda: NOW)


@pytest.fixture
def start(tmp_path: Path, s3_proxy: FaultyProxy, bucket: str) -> Iterator[Start]:
    """Starts servers that reach the bucket through the proxy."""
    of_aws = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    yield from servers(
        tmp_path,
        {
            **of_aws,
            "AWS_ENDPOINT_URL": s3_proxy.url,
            "WAREHOUSE_BUCKET": f"s3://{bucket}/in",
        },
    )


def segments(found: dict[str, bytes]) -> list[bytes]:
    return [lines for key, lines in found.items() if key.endswith(".jsonl")]


def puts(proxy: FaultyProxy) -> list[str]:
    """What PUTs of segments were asked for, again and again."""
    asked = [one.target for one in proxy.requests if one.method == "PUT"]
    return [target for target in asked if ".jsonl" in target]


def test_each_group_is_an_object_when_its_commit_returns(
    store: BucketSegments, objects: Objects
) -> None:
    store.commit(b"1\n2\n")
    assert list(objects().values()) == [b"1\n2\n"]
    store.commit(b"3\n")

    assert sorted(objects().values()) == [b"1\n2\n", b"3\n"]
    assert store.publish_due() is None


def test_objects_are_named_by_the_hour_of_their_arrival_and_found_by_the_feed(
    store: BucketSegments, s3_direct: Any, bucket: str
) -> None:
    store.commit(b"1\n")
    assert store.problem() is None

    (found,) = find_landed_in_bucket(
        parse_location(f"s3://{bucket}/in"), ["api_events/**/*.jsonl"], client=s3_direct
    )
    folder = "in/api_events/2025/06/01/12/20250601T123000Z-"
    assert found.key.startswith(folder)
    assert len(found.key) == len(folder) + 32 + len(".jsonl")


@pytest.mark.parametrize("fault", [REFUSED, FAILED, DROPPED, RESET])
def test_what_passes_is_tried_again(
    store: BucketSegments, s3_proxy: FaultyProxy, objects: Objects, fault: Fault
) -> None:
    s3_proxy.planned.extend([fault] * (ATTEMPTS - 1))
    store.commit(b"1\n")

    assert len(puts(s3_proxy)) == ATTEMPTS
    assert list(objects().values()) == [b"1\n"]


def test_put_that_is_stored_twice_because_its_answer_was_lost_makes_one_object(
    store: BucketSegments,
    s3_proxy: FaultyProxy,
    s3_direct: Any,
    bucket: str,
    objects: Objects,
) -> None:
    enabled = {"Status": "Enabled"}
    s3_direct.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
    s3_proxy.planned.append(LATE)
    store.commit(b"1\n")

    def versions() -> list[object]:
        listed = s3_direct.list_object_versions(Bucket=bucket)
        return list(listed.get("Versions", []))

    wait_until(lambda: len(versions()) == 2)
    assert list(objects().values()) == [b"1\n"]


@pytest.mark.parametrize("fault", [REFUSED, FAILED, DROPPED, RESET])
def test_what_does_not_pass_is_refused_after_a_bounded_number_of_attempts(
    store: BucketSegments, s3_proxy: FaultyProxy, objects: Objects, fault: Fault
) -> None:
    s3_proxy.planned.extend([fault] * ATTEMPTS)
    with pytest.raises(StoreError) as refused:
        store.commit(b"1\n")

    assert refused.value.retry_after == 5
    assert len(puts(s3_proxy)) == ATTEMPTS
    assert objects() == {}
    store.commit(b"2\n")
    assert list(objects().values()) == [b"2\n"]


def test_bucket_that_is_silent_is_given_up(
    store: BucketSegments, s3_proxy: FaultyProxy
) -> None:
    s3_proxy.planned.extend([Fault(delay_seconds=5)] * ATTEMPTS)
    begun = monotonic()
    with pytest.raises(StoreError):
        store.commit(b"1\n")

    assert monotonic() - begun < 5


def test_bucket_that_can_t_be_reached_refuses(
    make_client: MakeClient, bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client("http://127.0.0.1:9", attempts=2)
    store = BucketSegments(S3Location(bucket, "in"), client=client)
    with pytest.raises(StoreError):
        store.commit(b"canary\n")

    assert "http://127.0.0.1:9 can't be reached" in caplog.text
    assert "canary" not in caplog.text


def test_problem_is_what_a_probe_meets_and_holds_for_a_moment(
    make_client: MakeClient, s3_proxy: FaultyProxy, bucket: str
) -> None:
    seconds = [100.0]
    client = make_client(s3_proxy.url, attempts=1)
    place = S3Location(bucket, "in")
    store = BucketSegments(place, client=client, monotonic=lambda: seconds[0])
    s3_proxy.planned.append(Fault(status=403, code="AccessDenied"))

    assert "s3:PutObject" in str(store.problem())
    assert "s3:PutObject" in str(store.problem())
    assert len(s3_proxy.requests) == 1
    seconds[0] += 2
    assert store.problem() is None


def test_bucket_that_is_not_there_is_told_at_the_start(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    settings = read_settings(
        {"WAREHOUSE_HOME": str(tmp_path), "WAREHOUSE_BUCKET": "s3://nowhere/in"}
    )

    with pytest.raises(
        ServiceError, match=r"^s3://nowhere/in can't be written to: .* no such bucket"
    ):
        check_store(settings, Limits())


def test_what_was_left_in_the_folder_before_there_was_a_bucket_is_published(
    s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    folder = tmp_path / "landing" / "api_events"
    folder.mkdir(parents=True)
    (folder / ".segment-a.jsonl.open").write_bytes(b"1\n")
    settings = read_settings(
        {"WAREHOUSE_HOME": str(tmp_path), "WAREHOUSE_BUCKET": f"s3://{bucket}"}
    )
    open_store(settings, Limits()).close()

    (published,) = folder.rglob("[!.]*.jsonl")
    assert published.read_bytes() == b"1\n"


def test_event_is_in_the_bucket_when_its_request_is_answered(
    start: Start, objects: Objects
) -> None:
    server = start()
    (event_id,) = server.send(VISIT)
    server.process.kill()

    (lines,) = segments(objects())
    assert event_id.encode() in lines
    assert not list(server.home.glob("landing/api_events/**/*.jsonl*"))


@pytest.mark.parametrize("fault", [REFUSED, RESET])
def test_bucket_that_fails_is_a_503_and_the_same_request_is_accepted_later(
    start: Start, s3_proxy: FaultyProxy, objects: Objects, fault: Fault
) -> None:
    server = start(**QUICK)
    s3_proxy.planned.extend([fault] * ATTEMPTS)
    answer = server.post({"events": [VISIT]}, idempotency_key="k-1")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert segments(objects()) == []
    sent = server.send(VISIT, key="k-1")
    assert [lines.count(sent[0].encode()) for lines in segments(objects())] == [1]
    assert "can't write a segment" in server.log.read_text()


def test_health_says_whether_the_bucket_can_be_written_to(
    start: Start, s3_proxy: FaultyProxy
) -> None:
    server = start(put_attempts=1)

    def status() -> int:
        return server.client.get(f"{server.url}/health").status_code

    wait_for(lambda: status() == 200, server)
    s3_proxy.chances = Chances(drop=1)
    wait_for(lambda: status() == 503, server)
    assert "events can't be stored: " in server.log.read_text()
    s3_proxy.chances = Chances()
    wait_for(lambda: status() == 200, server)


def test_each_event_is_loaded_once_whatever_the_bucket_did_meanwhile(
    built_warehouse: Settings,
    start: Start,
    s3: S3Server,
    s3_proxy: FaultyProxy,
    bucket: str,
    objects: Objects,
    monkeypatch: pytest.MonkeyPatch,
    query: Query,
) -> None:
    server = start(**QUICK)
    # Stored, though its request was refused: what the client repeats is a duplicate.
    s3_proxy.planned.extend([LATE] * ATTEMPTS)
    assert server.post({"events": [VISIT]}, idempotency_key="0").status_code == 503
    wait_until(lambda: len(segments(objects())) == 1)
    s3_proxy.planned.extend(OUTAGE)
    with ThreadPoolExecutor(8) as senders:
        sent = list(
            senders.map(lambda key: send_until_accepted(server, key), range(REQUESTS))
        )
    server.stop()

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    settings = replace(built_warehouse, bucket=f"s3://{bucket}/in")
    found = segments(objects())
    # An event that is repeated alone makes the same object again: a copy.
    contents = set(found)
    assert load_new_files(settings).loaded == len(contents)
    assert load_new_files(settings).loaded == 0
    transform(settings)

    repeats = Counter(event_id for _, event_id in sent)
    assert len(repeats) == REQUESTS
    kept = query(settings, "select event_id from analytics.events order by 1")
    assert [event_id for (event_id,) in kept] == sorted(repeats)
    assert sum(refused for refused, _ in sent) >= 3
    assert not s3_proxy.planned
    (duplicates,) = query(settings, "select count(*) from analytics.duplicate_events")
    lines = sum(one.count(b"\n") for one in contents)
    assert duplicates == (lines - REQUESTS,)
    assert sum(one.count(b"\n") for one in found) > REQUESTS
    assert verify(settings).is_balanced


def send_until_accepted(server: Server, key: int) -> tuple[int, str]:
    """How often it was refused, and the id of its one event."""
    refused = 0
    while True:
        answer = server.post({"events": [VISIT]}, idempotency_key=str(key))
        if answer.status_code == 200:
            return refused, str(answer.json()["event_ids"][0])
        assert answer.status_code == 503, answer.text
        refused += 1
