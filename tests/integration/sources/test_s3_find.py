"""Objects of a real S3 server are found, all of them and no others."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from event_warehouse.errors import FileError
from event_warehouse.sources.errors import SourceUnavailable
from event_warehouse.sources.resuming import Backoff
from event_warehouse.sources.s3 import (
    S3Location,
    S3Object,
    _read_time,
    find_in_bucket,
    find_landed_in_bucket,
    parse_location,
)
from tests.faulty_proxy import FAULTLESS, Chances, Fault, FaultyProxy
from tests.integration.sources.conftest import MakeClient, MakeProxy
from tests.integration.sources.web_server import Page, WebServer
from tests.s3_server import S3Server

HOURLY = "app_events/{year:04}/{month:02}/{day:02}/{hour:02}/**"


def keys(found: Sequence[S3Object]) -> list[str]:
    return [one.key for one in found]


def hourly_keys(first_day: int, last_day: int, per_hour: int) -> list[str]:
    return [
        f"landing/app_events/2026/11/{day:02}/{hour:02}/part-{number:03}.gz"
        for day in range(first_day, last_day + 1)
        for hour in range(24)
        for number in range(per_hour)
    ]


def listed_prefixes(proxy: FaultyProxy) -> list[str]:
    queries = [parse_qs(urlsplit(request.target).query) for request in proxy.requests]
    return [query.get("prefix", [""])[0] for query in queries]


def test_every_page_of_a_long_listing_is_read(
    s3: S3Server, bucket: str, s3_proxy: FaultyProxy, s3_through: Any
) -> None:
    expected = hourly_keys(1, 4, 26) + ["landing/other"] * 4
    s3.fill(bucket, expected)

    found = find_in_bucket(S3Location(bucket, "landing"), client=s3_through)

    assert len(found) == 2497
    assert keys(found) == sorted(set(expected))
    assert {one.byte_count for one in found} == {1}
    assert len(s3_proxy.requests) == 4


def test_listing_through_faults_has_no_gap(
    s3: S3Server, bucket: str, make_proxy: MakeProxy, make_client: MakeClient
) -> None:
    expected = hourly_keys(1, 4, 26)
    s3.fill(bucket, expected)
    chances = Chances(drop=0.1, slow_down=0.1, error=0.05, cut=0.3)
    proxy = make_proxy(s3.port, chances, 3)
    client = make_client(proxy.url, attempts=8)

    found = find_in_bucket(S3Location(bucket, ""), client=client)

    assert keys(found) == expected
    assert len(proxy.requests) > 3


@pytest.mark.parametrize("part", [0.0, 0.3, 0.999])
def test_page_that_is_cut_off_is_not_taken_for_the_last(
    s3: S3Server, bucket: str, s3_proxy: FaultyProxy, s3_through: Any, part: float
) -> None:
    s3.fill(bucket, ["a", "b"])
    s3_proxy.planned.append(Fault(cut_at=part))

    assert keys(find_in_bucket(S3Location(bucket, ""), client=s3_through)) == ["a", "b"]


def test_page_that_is_always_cut_off_is_an_error(
    s3: S3Server,
    bucket: str,
    s3_proxy: FaultyProxy,
    s3_through: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("event_warehouse.sources.s3.BACKOFF", Backoff(5, 0.001))
    s3.fill(bucket, ["a"])
    s3_proxy.planned += [Fault(cut_at=0.0)] * 5

    with pytest.raises(FileError, match=r"can't be listed: the answer was cut off \(5"):
        find_in_bucket(S3Location(bucket, ""), client=s3_through)


def test_object_says_what_it_is(bucket: str, s3_direct: Any) -> None:
    s3_direct.put_object(Bucket=bucket, Key="a/b.csv", Body=b"12345")
    before = datetime.now(UTC).timestamp()

    [found] = find_in_bucket(S3Location(bucket, "a"), client=s3_direct)

    assert found.uri == f"s3://{bucket}/a/b.csv"
    assert found.byte_count == 5
    assert found.version == "827ccb0eea8a706c4c34a16891f84e7b-5"
    assert abs(found.modified - before) < 60


def test_version_is_another_once_the_content_is(bucket: str, s3_direct: Any) -> None:
    location = S3Location(bucket, "a")
    versions = set()
    for content in (b"one", b"two"):
        s3_direct.put_object(Bucket=bucket, Key="a", Body=content)
        versions |= {f.version for f in find_in_bucket(location, client=s3_direct)}

    assert len(versions) == 2


def test_prefix_is_a_folder_or_an_object_and_no_beginning_of_a_name(
    s3: S3Server, bucket: str, s3_direct: Any
) -> None:
    s3.fill(bucket, ["app", "app/a", "app/b/c", "app-backup/a", "app.csv"])

    found = find_in_bucket(S3Location(bucket, "app"), client=s3_direct)
    below = find_in_bucket(S3Location(bucket, "app/"), client=s3_direct)

    assert keys(found) == ["app", "app/a", "app/b/c"]
    assert keys(below) == ["app/a", "app/b/c"]


def test_hidden_objects_and_entries_of_folders_are_left_out(
    s3: S3Server, bucket: str, s3_direct: Any
) -> None:
    hidden = ["in/.tmp/a.csv", "in/b/.c.csv", "in/../d.csv"]
    s3.fill(bucket, [*hidden, "in/a..b.csv", "in/b.csv"])
    s3.fill(bucket, ["in/", "in/empty/", "in/empty.csv"], content="")

    found = find_in_bucket(S3Location(bucket, "in"), client=s3_direct)
    landed = find_landed_in_bucket(S3Location(bucket, "in"), ["**"], client=s3_direct)

    assert keys(found) == ["in/a..b.csv", "in/b.csv", "in/empty.csv"]
    assert found == landed


def test_folder_whose_own_name_is_hidden_can_be_asked_for(
    s3: S3Server, bucket: str, s3_direct: Any
) -> None:
    s3.fill(bucket, [".in/a", ".in/.b"])

    assert keys(find_in_bucket(S3Location(bucket, ".in"), client=s3_direct)) == [
        ".in/a"
    ]
    assert keys(find_in_bucket(S3Location(bucket, ".in/.b"), client=s3_direct)) == [
        ".in/.b"
    ]


def test_where_nothing_is_at_all_is_an_error(bucket: str, s3_direct: Any) -> None:
    with pytest.raises(FileError, match=f"s3://{bucket}/no: there is no such object"):
        find_in_bucket(S3Location(bucket, "no"), client=s3_direct)

    assert find_landed_in_bucket(S3Location(bucket, ""), ["*"], client=s3_direct) == []


def test_pattern_is_matched_below_the_location_only(
    s3: S3Server, bucket: str, s3_proxy: FaultyProxy, s3_through: Any
) -> None:
    meant = ["landing/clicks/a.csv", "landing/clicks/b/c/d.csv.gz"]
    others = ["landing/clicks/a.json", "landing/views/a.csv", "clicks/a.csv"]
    s3.fill(bucket, meant + others)

    found = find_landed_in_bucket(
        S3Location(bucket, "landing"), ["clicks/**/*.csv*"], client=s3_through
    )

    assert keys(found) == meant
    assert listed_prefixes(s3_proxy) == ["landing/clicks/"]


def test_dates_of_a_pattern_are_any_without_a_window(
    s3: S3Server, bucket: str, s3_proxy: FaultyProxy, s3_through: Any
) -> None:
    expected = hourly_keys(1, 2, 1)
    s3.fill(bucket, [*expected, "landing/app_events/errors/a.gz"])

    found = find_landed_in_bucket(
        S3Location(bucket, "landing"), [HOURLY], client=s3_through
    )

    assert keys(found) == expected
    assert listed_prefixes(s3_proxy) == ["landing/app_events/"]


def test_window_lists_its_hours_and_one_on_each_side(
    s3: S3Server, bucket: str, s3_proxy: FaultyProxy, s3_through: Any
) -> None:
    s3.fill(bucket, hourly_keys(1, 3, 1))

    found = find_landed_in_bucket(
        S3Location(bucket, "landing"),
        [HOURLY],
        client=s3_through,
        start=datetime(2026, 11, 2, 5, 30, tzinfo=UTC),
        end=datetime(2026, 11, 2, 7, tzinfo=UTC),
    )

    expected = [f"landing/app_events/2026/11/02/{hour:02}/" for hour in (4, 5, 6, 7)]
    assert listed_prefixes(s3_proxy) == expected
    assert keys(found) == [f"{prefix}part-000.gz" for prefix in expected]


def test_whole_day_of_a_window_is_one_listing(
    s3: S3Server, bucket: str, s3_proxy: FaultyProxy, s3_through: Any
) -> None:
    s3.fill(bucket, hourly_keys(1, 4, 2))

    found = find_landed_in_bucket(
        S3Location(bucket, "landing/"),
        [HOURLY],
        client=s3_through,
        start=datetime(2026, 11, 2, tzinfo=UTC),
        end=datetime(2026, 11, 3, tzinfo=UTC),
    )

    assert listed_prefixes(s3_proxy) == [
        "landing/app_events/2026/11/01/23/",
        "landing/app_events/2026/11/02/",
        "landing/app_events/2026/11/03/00/",
    ]
    assert len(found) == 26 * 2


def test_object_of_prefixes_that_overlap_is_found_once(
    s3: S3Server, bucket: str, s3_proxy: FaultyProxy, s3_through: Any
) -> None:
    s3.fill(bucket, [f"hour-2026-1-1-{hour}.gz" for hour in range(24)])

    found = find_landed_in_bucket(
        S3Location(bucket, ""),
        ["hour-{year}-{month}-{day}-{hour}*"],
        client=s3_through,
        start=datetime(2026, 1, 1, 2, tzinfo=UTC),
        end=datetime(2026, 1, 1, 10, tzinfo=UTC),
    )

    assert listed_prefixes(s3_proxy) == [
        f"hour-2026-1-1-{hour}" for hour in range(1, 10)
    ]
    assert len(found) == len(set(keys(found))) == 23


def test_window_without_an_end_is_refused(bucket: str, s3_direct: Any) -> None:
    with pytest.raises(ValueError, match="a start and an end"):
        find_landed_in_bucket(
            S3Location(bucket, ""),
            [HOURLY],
            client=s3_direct,
            start=datetime(2026, 1, 1, tzinfo=UTC),
        )


@pytest.mark.parametrize(
    "key",
    [
        "a b  c.csv",
        "käse/ñandú/日本/😀.csv",
        "100%/50%25.csv",
        "a+b=c&d?e#f;g:h@i,j$.csv",
        "a..b/c...csv",
        "a//b.csv",
        "a\\b'c\"d<e>f.csv",
        "~tilde/*[x].csv",
    ],
)
def test_unusual_key_is_found_and_read(
    bucket: str, s3_through: Any, s3_direct: Any, key: str
) -> None:
    s3_direct.put_object(Bucket=bucket, Key=f"in/{key}", Body=key.encode())

    [found] = find_landed_in_bucket(S3Location(bucket, "in"), ["**"], client=s3_through)

    assert found.key == f"in/{key}"
    assert found.uri == f"s3://{bucket}/in/{key}"
    with found.open() as stream:
        assert stream.readall() == key.encode()


def test_control_characters_of_a_key_do_not_reach_its_uri(
    bucket: str, s3_direct: Any
) -> None:
    s3_direct.put_object(Bucket=bucket, Key="a\tb\x7f.csv", Body=b"x")

    [found] = find_in_bucket(S3Location(bucket, ""), client=s3_direct)

    assert found.key == "a\tb\x7f.csv"
    assert found.uri == f"s3://{bucket}/a%09b%7F.csv"
    with found.open() as stream:
        assert stream.readall() == b"x"


def test_missing_bucket_is_named(s3_direct: Any) -> None:
    with pytest.raises(SourceUnavailable, match=r"s3://nowhere/.* has no such bucket"):
        find_in_bucket(S3Location("nowhere", "a"), client=s3_direct)


def test_denied_listing_says_which_permission_is_needed(
    bucket: str, s3_proxy: FaultyProxy, s3_through: Any
) -> None:
    s3_proxy.planned.append(Fault(status=403, code="AccessDenied"))

    with pytest.raises(SourceUnavailable, match="lack the permission s3:ListBucket"):
        find_in_bucket(S3Location(bucket, "a"), client=s3_through)


def test_access_key_that_is_not_known_says_what_to_set(
    s3: S3Server, bucket: str, s3_direct: Any
) -> None:
    def check_keys_after(requests: int) -> None:
        url = f"{s3.url}/moto-api/reset-auth"
        httpx.post(url, content=str(requests), trust_env=False).raise_for_status()

    check_keys_after(0)
    try:
        with pytest.raises(SourceUnavailable, match="set AWS_ACCESS_KEY_ID and"):
            find_in_bucket(S3Location(bucket, "a"), client=s3_direct)
    finally:
        check_keys_after(1_000_000)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("SignatureDoesNotMatch", "the secret key is not that of the access key"),
        ("ExpiredToken", "the credentials have expired"),
        ("RequestTimeTooSkewed", "clock is wrong; set it"),
        ("SomethingNew", "answered SomethingNew"),
    ],
)
def test_refusal_says_what_is_wrong_in_one_line(
    bucket: str, s3_proxy: FaultyProxy, s3_through: Any, code: str, problem: str
) -> None:
    s3_proxy.planned.append(Fault(status=403, code=code))

    with pytest.raises(FileError, match=problem) as raised:
        find_in_bucket(S3Location(bucket, "a"), client=s3_through)

    assert "\n" not in str(raised.value)


def test_missing_credentials_say_what_to_set(
    s3: S3Server, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    client = make_client(s3.url)

    with pytest.raises(SourceUnavailable, match="no AWS credentials; set AWS_ACCESS"):
        find_in_bucket(S3Location("any", "a"), client=client)


def test_endpoint_that_can_not_be_reached_is_named(make_client: MakeClient) -> None:
    client = make_client("http://127.0.0.1:9", attempts=1)

    with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1:9 can't be reached"):
        find_in_bucket(S3Location("any", "a"), client=client)


def test_service_that_stays_too_busy_is_an_error(
    bucket: str, s3_proxy: FaultyProxy, make_client: MakeClient
) -> None:
    s3_proxy.chances = Chances(slow_down=1.0)
    client = make_client(s3_proxy.url, attempts=2)

    with pytest.raises(FileError, match="answered SlowDown"):
        find_in_bucket(S3Location(bucket, "a"), client=client)

    assert len(s3_proxy.requests) == 2


def test_endpoint_is_the_environment_s(
    s3: S3Server,
    bucket: str,
    make_client: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    s3.fill(bucket, ["a"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url.replace("127.0.0.1", "localhost"))
    client = make_client()

    assert keys(find_in_bucket(S3Location(bucket, ""), client=client)) == ["a"]


@pytest.mark.parametrize(
    ("key", "value"), [("AWS_ENDPOINT_URL", "no url"), ("AWS_PROFILE", "nobody")]
)
def test_setting_that_can_not_be_used_is_an_error(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    monkeypatch.setenv(key, value)

    with pytest.raises(SourceUnavailable, match=f"S3 can't be used: .*{value}"):
        make_client()


def test_aws_is_asked_by_the_bucket_s_host_name(make_client: MakeClient) -> None:
    client = make_client()

    url = client.generate_presigned_url("list_objects_v2", {"Bucket": "events"})

    assert url.startswith("https://events.s3.amazonaws.com/")


def test_other_services_are_asked_by_path(make_client: MakeClient) -> None:
    client = make_client("http://storage:8333")

    url = client.generate_presigned_url("list_objects_v2", {"Bucket": "events"})

    assert url.startswith("http://storage:8333/events?")


@pytest.mark.parametrize(
    ("uri", "bucket", "prefix"),
    [
        ("s3://events", "events", ""),
        ("s3://events/", "events", ""),
        ("s3://events/a/b/", "events", "a/b/"),
        ("s3://my.bucket-1/a b?c#d%20", "my.bucket-1", "a b?c#d%20"),
    ],
)
def test_location_is_a_bucket_and_a_prefix(uri: str, bucket: str, prefix: str) -> None:
    assert parse_location(uri) == S3Location(bucket, prefix)


@pytest.mark.parametrize("uri", ["", "s3://", "s3:///a", "https://b/a", "s3://a b/c"])
def test_what_is_no_location_is_refused(uri: str) -> None:
    with pytest.raises(FileError, match="is not like s3://bucket/prefix"):
        parse_location(uri)


def test_faultless_answer_is_just_passed_on(
    s3: S3Server, bucket: str, s3_proxy: FaultyProxy, s3_through: Any
) -> None:
    s3.fill(bucket, ["a"])

    find_in_bucket(S3Location(bucket, ""), client=s3_through)

    assert s3_proxy.faults == [FAULTLESS]


@pytest.mark.parametrize(
    "token", ["", "<NextContinuationToken>x</NextContinuationToken>"]
)
def test_listing_that_does_not_go_on_is_an_error(
    web: WebServer, make_client: MakeClient, token: str
) -> None:
    answer = (
        f"<ListBucketResult><IsTruncated>true</IsTruncated>{token}</ListBucketResult>"
    )
    for more in ("", "&continuation-token=x"):
        path = f"/events?list-type=2&prefix={more}&encoding-type=url"
        web.pages[path] = Page(answer.encode())

    with pytest.raises(FileError, match="s3://events/: its listing does not go on"):
        find_in_bucket(S3Location("events", ""), client=make_client(web.url))


def test_time_of_change_is_read_as_botocore_does() -> None:
    for text in ("2026-11-22T06:00:00.000Z", "Sun, 22 Nov 2026 06:00:00 GMT"):
        assert _read_time(text) == datetime(2026, 11, 22, 6, tzinfo=UTC)
