"""The bytes of objects arrive whole through every fault, or an error says why not."""

import gzip
import random
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from io import BufferedReader
from typing import Any

import pytest
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.session import Session  # type: ignore[import-untyped]

from event_warehouse.errors import FileError
from event_warehouse.sources.errors import FileChanged, FileGone, SourceUnavailable
from event_warehouse.sources.resuming import Backoff
from event_warehouse.sources.s3 import S3Location, S3Object, find_in_bucket
from event_warehouse.sources.source_file import SourceFile
from tests.faulty_proxy import Chances, Fault, FaultyProxy
from tests.integration.sources.conftest import MakeClient, MakeProxy
from tests.s3_server import S3Server

QUICK = Backoff(first_seconds=0.001, longest_seconds=0.01)
PATIENT = replace(QUICK, attempts=20)
CUT = Fault(cut_at=0.5)

Put = Callable[..., S3Object]


@pytest.fixture
def put(bucket: str, s3_direct: Any, s3_through: Any) -> Put:
    """Puts an object and finds it through the proxy."""

    def make(content: bytes, key: str = "a", **headers: str) -> S3Object:
        s3_direct.put_object(Bucket=bucket, Key=key, Body=content, **headers)
        location = S3Location(bucket, key)
        [found] = find_in_bucket(location, client=s3_direct)
        return replace(found, client=s3_through, backoff=QUICK)

    return make


def content_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def read(file: SourceFile) -> bytes:
    with file.open() as stream:
        return stream.readall() or b""


def ranges(proxy: FaultyProxy) -> list[str | None]:
    return [request.headers.get("range") for request in proxy.requests]


def test_every_object_arrives_whole_through_faults(
    s3: S3Server,
    bucket: str,
    s3_direct: Any,
    make_proxy: MakeProxy,
    make_client: MakeClient,
) -> None:
    sizes = [0, 1, 2, 1000, *(random.Random(5).randrange(2_000_000) for _ in range(20))]
    for number, size in enumerate(sizes):
        key = f"{number:02}"
        s3_direct.put_object(Bucket=bucket, Key=key, Body=content_of(size))
    chances = Chances(
        drop=0.02, slow_down=0.02, error=0.02, cut=0.4, delay_seconds=0.005
    )
    proxy = make_proxy(s3.port, chances, 11)
    client = make_client(proxy.url)

    found = find_in_bucket(S3Location(bucket, ""), client=client)
    arrived = [read(replace(one, backoff=PATIENT)) for one in found]

    assert [len(content) for content in arrived] == sizes
    assert arrived == [content_of(size) for size in sizes]
    assert sum(fault.cut_at is not None for fault in proxy.faults) >= 10


def test_object_that_is_cut_off_goes_on_where_it_broke(
    put: Put, s3_proxy: FaultyProxy
) -> None:
    file = put(content_of(1000))
    s3_proxy.planned += [CUT, CUT]

    assert read(file) == content_of(1000)
    assert ranges(s3_proxy) == [None, "bytes=500-", "bytes=750-"]
    conditions = {request.headers.get("if-match") for request in s3_proxy.requests}
    assert conditions == {f'"{file.etag}"'}


def test_cut_before_the_first_byte_is_mended(put: Put, s3_proxy: FaultyProxy) -> None:
    file = put(content_of(1000))
    s3_proxy.planned += [Fault(cut_at=0.0), Fault(cut_at=0.0, is_reset=True)]

    assert read(file) == content_of(1000)


def test_object_that_makes_no_progress_is_given_up(
    put: Put, s3_proxy: FaultyProxy
) -> None:
    file = put(content_of(1000))
    s3_proxy.planned += [CUT, *[Fault(cut_at=0.0)] * 10]

    with pytest.raises(FileError, match=r"\(5 times in a row\), at byte 500"):
        read(file)

    assert len(s3_proxy.requests) == 5


def test_progress_starts_the_count_of_attempts_anew(
    put: Put, s3_proxy: FaultyProxy
) -> None:
    file = put(content_of(16_000_000))
    s3_proxy.planned += [Fault(cut_at=0.3)] * 9

    assert read(file) == content_of(16_000_000)
    assert len(s3_proxy.requests) == 10


def test_connection_that_falls_silent_is_given_up_and_mended(
    put: Put, s3_proxy: FaultyProxy, opened: ExitStack
) -> None:
    config = Config(read_timeout=0.2, s3={"addressing_style": "path"})
    client = Session().create_client("s3", endpoint_url=s3_proxy.url, config=config)
    opened.callback(client.close)
    file = replace(put(content_of(200_000)), client=client)
    s3_proxy.planned.append(Fault(cut_at=0.5, is_silent=True))

    assert read(file) == content_of(200_000)
    assert ranges(s3_proxy) == [None, "bytes=65536-"]


def test_object_that_was_replaced_since_it_was_found_is_an_error(put: Put) -> None:
    file = put(b"old")
    put(b"new")

    with pytest.raises(
        FileChanged, match="was replaced while it was read; the next run"
    ):
        read(file)


def test_object_that_is_replaced_while_it_is_read_is_an_error(
    put: Put, s3_proxy: FaultyProxy
) -> None:
    file = put(content_of(1000))
    s3_proxy.planned.append(CUT)

    with file.open() as stream:
        assert stream.read(100) == content_of(1000)[:100]
        put(content_of(999))
        with pytest.raises(FileChanged, match="was replaced while it was read"):
            stream.readall()


def test_object_that_is_deleted_is_an_error(
    put: Put, bucket: str, s3_direct: Any
) -> None:
    file = put(b"old")
    s3_direct.delete_object(Bucket=bucket, Key="a")

    with pytest.raises(FileGone):
        read(file)


def test_object_that_is_deleted_while_it_is_read_is_an_error(
    put: Put, s3_proxy: FaultyProxy, bucket: str, s3_direct: Any
) -> None:
    file = put(content_of(1000))
    s3_proxy.planned.append(CUT)

    with file.open() as stream:
        stream.read(100)
        s3_direct.delete_object(Bucket=bucket, Key="a")
        with pytest.raises(FileGone):
            stream.readall()


def test_service_that_heeds_no_condition_gives_no_other_content(
    put: Put, s3_proxy: FaultyProxy
) -> None:
    file = put(b"old")
    put(b"new")
    s3_proxy.planned.append(Fault(hidden_headers=("if-match",)))

    with pytest.raises(FileChanged, match="was replaced while it was read"):
        read(file)


def test_service_that_knows_no_ranges_gives_no_byte_twice(
    put: Put, s3_proxy: FaultyProxy
) -> None:
    file = put(content_of(1000))
    s3_proxy.planned += [CUT, Fault(hidden_headers=("range",))]

    with pytest.raises(FileError, match="was cut off at byte 500, and S3 can't go on"):
        read(file)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("AccessDenied", "permission s3:GetObject"),
        ("InvalidObjectState", "is archived; restore it"),
    ],
)
def test_denied_object_says_what_it_lacks(
    put: Put, s3_proxy: FaultyProxy, code: str, problem: str
) -> None:
    file = put(b"x")
    s3_proxy.planned.append(Fault(status=403, code=code))

    with pytest.raises(FileError, match=problem) as raised:
        read(file)

    assert not isinstance(raised.value, SourceUnavailable)


def test_service_that_can_not_be_reached_is_not_the_object_s_fault(
    put: Put, make_client: MakeClient
) -> None:
    client = make_client("http://127.0.0.1:9", attempts=1)
    file = replace(put(b"x"), client=client)

    with pytest.raises(SourceUnavailable, match="can't be reached"):
        read(file)


def test_throttling_is_waited_for(put: Put, s3_proxy: FaultyProxy) -> None:
    file = put(b"x")
    s3_proxy.planned += [Fault(status=503), Fault(status=500, code="InternalError")]

    assert read(file) == b"x"


def test_answer_that_is_cut_off_where_it_refuses_is_asked_for_again(
    put: Put, bucket: str, s3_proxy: FaultyProxy, s3_direct: Any
) -> None:
    file = put(b"x")
    s3_direct.delete_object(Bucket=bucket, Key="a")
    s3_proxy.planned.append(CUT)

    with pytest.raises(FileGone):
        read(file)


def test_bytes_are_those_that_are_stored(put: Put) -> None:
    packed = gzip.compress(b"events")
    file = put(packed, ContentEncoding="gzip", ContentType="text/csv")

    assert read(file) == packed


def test_object_in_parts_arrives_whole(
    bucket: str, s3_direct: Any, s3_proxy: FaultyProxy, s3_through: Any
) -> None:
    part = content_of(5 * 1024 * 1024)
    upload = {"Bucket": bucket, "Key": "parts"}
    upload["UploadId"] = s3_direct.create_multipart_upload(**upload)["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3_direct.upload_part(**upload, PartNumber=number, Body=part)[
                "ETag"
            ],
        }
        for number in (1, 2)
    ]
    s3_direct.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    [file] = find_in_bucket(S3Location(bucket, "parts"), client=s3_through)
    s3_proxy.planned.append(Fault(cut_at=0.7))

    assert file.etag.endswith("-2")
    assert read(replace(file, backoff=QUICK)) == part + part


def test_stream_can_be_left_before_its_end(put: Put) -> None:
    file = put(content_of(3_000_000))
    with file.open() as stream:
        assert stream.read(10) == content_of(3_000_000)[:10]

    with pytest.raises(ValueError, match="closed"):
        stream.read(10)


def test_large_object_is_never_held_whole(put: Put) -> None:
    file = put(bytes(32 * 1024 * 1024))
    read(put(bytes(1024), "small"))

    tracemalloc.start()
    try:
        with BufferedReader(file.open(), 128 * 1024) as stream:
            size = sum(len(block) for block in iter(lambda: stream.read(65536), b""))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert size == 32 * 1024 * 1024
    assert peak < 4 * 1024 * 1024
