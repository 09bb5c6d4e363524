"""`POST /events` of a server process of its own: nothing it accepted is ever lost."""

import asyncio
import gzip
import json
import os
import re
import resource
import signal
import socket
import subprocess
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from event_warehouse.accept.limits import Limits
from event_warehouse.api.serve import serve
from event_warehouse.errors import ServiceError
from event_warehouse.settings import read_settings
from tests.api_server import SECONDS, SIGNED_IN, VISIT, Server, Start, servers, wait_for

MIB = 1024 * 1024
NEVER = {"segment_seconds": 600.0}
"""No segment is published while the test looks."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers, all with the same home, and ends them with the test."""
    yield from servers(tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the tests that only ask."""
    starts = servers(tmp_path_factory.mktemp("server"))
    yield next(starts)(max_body_bytes=MIB, segment_seconds=0.1)
    starts.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A landing folder with room for 256 KiB."""
    landing = tmp_path / "landing"
    landing.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(landing)]
    if (
        os.geteuid()
        or subprocess.run(mount, check=False, capture_output=True).returncode
    ):
        pytest.skip("no disk can be mounted here")
    yield landing
    subprocess.run(["umount", str(landing)], check=True)


def feed_folder(server: Server) -> Path:
    return server.home / "landing" / "api_events"


def segments(server: Server) -> list[Path]:
    return sorted(feed_folder(server).rglob("[!.]*.jsonl"))


def left_open(server: Server) -> list[Path]:
    return list(feed_folder(server).glob(".segment-*"))


def published(server: Server) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in segments(server)
        for line in path.read_text().splitlines()
    ]


def published_ids(server: Server) -> list[str]:
    return [event["event_id"] for event in published(server)]


def speak(server: Server, pieces: Iterable[bytes]) -> HTTPResponse:
    """What a server answers to a request, if need be before its last piece."""
    with socket.create_connection(server.address, SECONDS) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                connection.sendall(piece)
        response = HTTPResponse(connection)
        response.begin()
        response.read()
        return response


def head(*headers: str) -> bytes:
    lines = [
        "POST /events HTTP/1.1",
        "host: localhost",
        "content-type: application/json",
        f"authorization: {SIGNED_IN['authorization']}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_events_that_were_accepted_are_published(server: Server) -> None:
    (event_id,) = server.send({**VISIT, "samplerate": "2"})
    wait_for(lambda: event_id in published_ids(server), server)

    (event,) = [one for one in published(server) if one["event_id"] == event_id]
    assert event == {
        "event_id": event_id,
        "tenant_id": "default",
        "ts": "2025-06-01T11:00:00Z",
        "samplerate": 2,
        "data": {"event_tag": "visit"},
    }


def test_segments_are_found_by_the_hour_of_their_arrival(server: Server) -> None:
    server.send(VISIT)
    wait_for(lambda: bool(segments(server)), server)

    place = segments(server)[0].relative_to(feed_folder(server))
    assert re.fullmatch(
        r"\d{4}/\d\d/\d\d/\d\d/\d{8}T\d{6}Z-[0-9a-f]{32}[.]jsonl", str(place)
    )


def test_event_is_there_after_its_server_was_killed_right_after_the_answer(
    start: Start,
) -> None:
    server = start(**NEVER)
    sent = [server.send(VISIT)[0] for _ in range(10)]
    server.stop(signal.SIGKILL)
    assert published(server) == []

    server = start()
    assert sorted(published_ids(server)) == sorted(sent)
    assert left_open(server) == []


def test_server_killed_under_load_loses_nothing_that_it_acknowledged(
    start: Start,
) -> None:
    server = start(segment_seconds=0.05)
    sent = 0
    acknowledged: list[str] = []

    async def send(client: httpx.AsyncClient) -> None:
        nonlocal sent
        with suppress(httpx.TransportError):
            while True:
                sent += 1
                answer = await client.post(
                    f"{server.url}/events", json={"events": [VISIT]}
                )
                acknowledged.extend(answer.json()["event_ids"])

    async def send_until_killed() -> None:
        async with httpx.AsyncClient(headers=SIGNED_IN) as client:
            senders = [asyncio.create_task(send(client)) for _ in range(8)]
            await asyncio.sleep(0.6)
            server.process.kill()
            await asyncio.gather(*senders)

    asyncio.run(send_until_killed())
    server.process.wait()
    kept = published_ids(start())

    assert len(acknowledged) > 50
    assert set(acknowledged) <= set(kept)
    assert len(acknowledged) <= len(set(kept)) == len(kept) <= sent


def test_torn_last_line_of_a_killed_server_is_cut_off(start: Start) -> None:
    server = start(**NEVER)
    sent = server.send(VISIT)
    server.stop(signal.SIGKILL)
    (path,) = left_open(server)
    with open(path, "ab") as file:
        file.write(b'{"event_id":"torn","ten')

    assert published_ids(start()) == sent


def test_recovery_leaves_a_living_server_its_segment(start: Start) -> None:
    living = start(**NEVER)
    first = living.send(VISIT)
    other = start(**NEVER)
    assert published(other) == []

    second = living.send(VISIT)
    living.stop()
    assert published_ids(other) == [*first, *second]


def test_concurrent_requests_share_segments_and_syncs(start: Start) -> None:
    server = start(segment_seconds=0.2)
    requests = 200

    async def send_all() -> list[str]:
        async with httpx.AsyncClient(timeout=SECONDS, headers=SIGNED_IN) as client:
            answers = await asyncio.gather(
                *[
                    client.post(f"{server.url}/events", json={"events": [VISIT]})
                    for _ in range(requests)
                ]
            )
        return [answer.json()["event_ids"][0] for answer in answers]

    sent = asyncio.run(send_all())
    server.stop()

    assert len(set(sent)) == requests
    assert sorted(published_ids(server)) == sorted(sent)
    assert len(segments(server)) < requests / 5


def test_workers_each_have_their_own_segments(start: Start) -> None:
    server = start(workers=2, **NEVER)

    def write_until_both_do() -> bool:
        sent.extend(server.send(VISIT))
        server.client.close()
        server.client = httpx.Client(timeout=SECONDS, headers=SIGNED_IN)
        return len(left_open(server)) == 2

    sent: list[str] = []
    wait_for(write_until_both_do, server)
    server.stop()

    assert sorted(published_ids(server)) == sorted(sent)
    assert len(segments(server)) == 2


def test_repeat_is_answered_alike_and_written_once(start: Start) -> None:
    server = start(**NEVER)
    first = server.send(VISIT, VISIT, key="k-1")
    assert server.send(VISIT, VISIT, key="k-1") == first
    server.stop()

    assert published_ids(server) == first


def test_repeat_after_a_restart_makes_the_same_events(start: Start) -> None:
    server = start(**NEVER)
    first = server.send(VISIT, key="k-1")
    server.stop(signal.SIGKILL)
    server = start(**NEVER)
    assert server.send(VISIT, key="k-1") == first
    server.stop()

    one, repeat = published(server)
    assert one == repeat


def test_repeat_of_a_request_whose_response_was_lost_makes_the_same_events(
    start: Start,
) -> None:
    server = start(**NEVER)
    body = json.dumps({"events": [VISIT]}).encode()
    request = head("idempotency-key: k-1", f"content-length: {len(body)}") + body
    with socket.create_connection(server.address, SECONDS) as connection:
        connection.sendall(request)
    wait_for(lambda: bool(left_open(server)), server)
    answer = server.post(body, idempotency_key="k-1")
    server.stop()

    assert published_ids(server) == answer.json()["event_ids"]


def test_key_with_another_body_makes_other_events_where_the_first_is_not_known(
    start: Start,
) -> None:
    server = start(**NEVER)
    first = server.send(VISIT, key="k-1")
    server.stop(signal.SIGKILL)
    server = start(**NEVER)
    other = server.send({**VISIT, "data": {"event_tag": "other"}}, key="k-1")
    server.stop()

    assert sorted(published_ids(server)) == sorted([*first, *other])
    assert len({*first, *other}) == 2


def test_key_with_another_body_is_refused(server: Server) -> None:
    server.send(VISIT, key="k-other-body")
    answer = server.post({"events": [VISIT, VISIT]}, idempotency_key="k-other-body")

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("This Idempotency-Key came with another")


@pytest.mark.parametrize("key", ["", "two words", "k" * 201, "caf\xe9"])
def test_key_that_is_not_visible_ascii_is_refused(server: Server, key: str) -> None:
    body = json.dumps({"events": [VISIT]}).encode()
    raw = head(f"content-length: {len(body)}").removesuffix(b"\r\n")
    line = b"idempotency-key: " + key.encode("latin-1") + b"\r\n\r\n"

    assert speak(server, [raw + line + body]).status == 400


def test_key_given_twice_is_refused(server: Server) -> None:
    keys = ["idempotency-key: a", "idempotency-key: b"]

    assert speak(server, [head(*keys, "content-length: 2") + b"{}"]).status == 400


def test_one_event_at_fault_refuses_all_and_each_fault_is_told_by_index(
    server: Server,
) -> None:
    marked = {**VISIT, "data": {"event_tag": "none-of-this"}}
    answer = server.post({"events": [marked, {"ts": "noon"}, marked, 7]})

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "title": "Bad Request",
        "status": 400,
        "detail": "2 of 4 events are not valid, so none was accepted; "
        "correct them and send all again.",
        "invalid_events": 2,
        "errors": [
            {"index": 1, "field": "data", "reason": "is missing"},
            {
                "index": 1,
                "field": "ts",
                "reason": "is neither ISO 8601, such as 2025-01-31T12:00:00Z, nor"
                " milliseconds",
            },
            {"index": 3, "reason": "must be an object"},
        ],
    }
    (later,) = server.send(VISIT)
    wait_for(lambda: later in published_ids(server), server)
    assert marked["data"] not in [event["data"] for event in published(server)]


def test_mended_request_may_use_the_same_key(server: Server) -> None:
    assert server.post({"events": [{}]}, idempotency_key="k-mended").status_code == 400

    server.send(VISIT, key="k-mended")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b'{"events":[]}',
        b'{"events":' + b"[" * 100_000,
        b'{"events":[{"ts":1748775600000,"data":{"a":'
        + b"[" * 100_000
        + b"]" * 100_000
        + b"}}]}",
        b'{"events":[{"ts":1748775600000,"data":'
        + b'{"a":' * 900
        + b"1"
        + b"}" * 902
        + b"]}",
        b'{"events":[{"ts":1748775600000,"data":{"a":"\\u0000"}}]}',
        b'{"events":[{"ts":1748775600000,"data":{"a":"\\ud800"}}]}',
        b'{"events":[{"ts":1748775600000,"data":{"a":"\x00"}}]}',
        b'{"events":[{"ts":1748775600000,"data":{"a":1e999}}]}',
    ],
)
def test_body_that_can_t_be_stored_is_a_400(server: Server, body: bytes) -> None:
    answer = server.post(body)

    assert answer.status_code == 400
    assert answer.json()["status"] == 400


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
    ],
)
def test_other_content_type_is_a_415(server: Server, content_type: str) -> None:
    answer = server.post({"events": [VISIT]}, content_type=content_type)

    assert answer.status_code == 415
    assert answer.headers["accept"] == "application/json"


def test_json_may_say_that_it_is_utf8(server: Server) -> None:
    answer = server.post(
        {"events": [VISIT]}, content_type='Application/JSON; charset="UTF-8"'
    )

    assert answer.status_code == 200


def test_declared_length_over_the_limit_is_refused_before_the_body_is_sent(
    server: Server,
) -> None:
    response = speak(
        server, [head(f"content-length: {MIB + 1}", "expect: 100-continue")]
    )

    assert response.status == 413
    assert response.headers["connection"] == "close"


def test_body_of_unknown_length_is_refused_while_it_is_sent(server: Server) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield head("transfer-encoding: chunked")
        while sent < 200 * MIB:
            sent += 65536
            yield b"10000\r\n" + b" " * 65536 + b"\r\n"

    assert speak(server, endless()).status == 413
    assert sent < 50 * MIB


def test_body_of_exactly_the_limit_is_read(server: Server) -> None:
    body = json.dumps({"events": [VISIT]}).encode().ljust(MIB)

    assert server.post(body).status_code == 200
    assert server.post(body + b" ").status_code == 413


def test_packed_body_is_unpacked(server: Server) -> None:
    packed = gzip.compress(json.dumps({"events": [VISIT]}).encode())

    assert server.post(packed, content_encoding="gzip").status_code == 200


def test_bomb_is_refused_in_bounded_memory(server: Server) -> None:
    packer = zlib.compressobj(level=1, wbits=31)
    zeros = b"\0" * MIB
    bomb = b"".join([packer.compress(zeros) for _ in range(200)] + [packer.flush()])
    assert len(bomb) < MIB
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss

    assert server.post(bomb, content_encoding="gzip").status_code == 413
    assert process.memory_info().rss - before < 30 * MIB


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-1],
        lambda packed: packed[:-8] + b"\0" * 8,
        lambda packed: packed + packed,
        lambda packed: b"not gzip",
    ],
)
def test_damaged_packing_is_a_400(
    server: Server, damage: Callable[[bytes], bytes]
) -> None:
    packed = gzip.compress(json.dumps({"events": [VISIT]}).encode())
    answer = server.post(damage(packed), content_encoding="gzip")

    assert answer.status_code == 400
    assert "gzip" in answer.json()["detail"]


def test_unknown_packing_is_a_415_that_names_the_known_one(server: Server) -> None:
    answer = server.post(b"", content_encoding="br")

    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip")


def test_body_that_takes_too_long_is_given_up(start: Start) -> None:
    server = start(max_body_seconds=0.2)

    assert speak(server, [head("content-length: 10"), b"{"]).status == 408


def test_bodies_under_way_are_bounded_together(start: Start) -> None:
    server = start(max_bytes_in_flight=1000)
    with socket.create_connection(server.address, SECONDS) as holder:
        holder.sendall(head("content-length: 2000") + b" " * 990)
        wait_for(lambda: server.post({"events": [VISIT]}).status_code == 503, server)
        answer = server.post({"events": [VISIT]})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")

    wait_for(lambda: server.post({"events": [VISIT]}).status_code == 200, server)


def test_disk_that_fills_up_refuses_the_request_and_goes_on_when_there_is_room(
    start: Start,
) -> None:
    server = start(**NEVER)
    first = server.send(VISIT)
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (50_000, limits[1]))
    answer = server.post({"events": [VISIT] * 1_000}, idempotency_key="k-full")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "none was accepted" in answer.json()["detail"]
    assert all(path.stat().st_size < 500 for path in left_open(server))
    second = server.send(VISIT)

    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, limits)
    third = server.send(*[VISIT] * 1_000, key="k-full")
    server.stop()
    assert sorted(published_ids(server)) == sorted([*first, *second, *third])


def test_full_disk_refuses_and_is_told_by_health(
    small_disk: Path, start: Start
) -> None:
    server = start(segment_seconds=0.05)
    health = f"{server.url}/health"
    sent = server.send(VISIT)
    wait_for(lambda: len(published(server)) == 1, server)
    ballast = small_disk / "ballast"
    with suppress(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)
    assert server.post({"events": [VISIT]}).status_code == 503
    answer = server.client.get(health)
    assert (answer.status_code, answer.json()["landing_is_writable"]) == (503, False)

    ballast.unlink()
    assert server.client.get(health).json()["status"] == "ok"
    sent += server.send(VISIT)
    server.stop()
    assert sorted(published_ids(server)) == sorted(sent)
    assert left_open(server) == []


def test_stopping_server_ends_what_is_under_way_and_publishes_it(start: Start) -> None:
    server = start(**NEVER)
    body = json.dumps({"events": [VISIT]}).encode()
    with socket.create_connection(server.address, SECONDS) as connection:
        connection.sendall(head(f"content-length: {len(body)}") + body[:-1])
        server.post(b"")  # By now the other request is under way.
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        connection.sendall(body[-1:])
        response = HTTPResponse(connection)
        response.begin()
        sent = json.loads(response.read())["event_ids"]
    server.process.wait(SECONDS)

    assert published_ids(server) == sent


def test_log_has_neither_bodies_nor_keys(server: Server) -> None:
    canary = "s3cret-canary"
    event = {**VISIT, "data": {"password": canary}}
    server.send(event, key=canary)
    server.post({"events": [event, {canary: canary}]}, idempotency_key=canary)
    server.client.get(f"{server.url}/events/{canary}?token={canary}")

    log = server.log.read_text()
    assert canary not in log
    assert re.search(r"POST /events 200 in \d+\.\d ms", log)


def test_health_says_that_events_can_be_stored(server: Server) -> None:
    answer = server.client.get(f"{server.url}/health")

    assert answer.json() == {
        "status": "ok",
        "landing_is_writable": True,
        # The service of these tests has none, and takes events without it.
        "has_postgres": False,
    }
    head = server.client.head(f"{server.url}/health")
    assert (head.status_code, head.content) == (200, b"")


def test_schema_is_served(server: Server) -> None:
    answer = server.client.get(f"{server.url}/events/schema")

    assert answer.headers["content-type"] == "application/schema+json"
    assert answer.json()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_description_of_the_service_is_served(server: Server) -> None:
    answer = server.client.get(f"{server.url}/openapi.json")

    assert set(answer.json()["paths"]) >= {"/events", "/events/schema", "/health"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/events", 405), ("POST", "/nowhere", 404), ("POST", "/events/", 404)],
)
def test_what_is_not_there_is_a_problem_too(
    server: Server, method: str, path: str, status: int
) -> None:
    answer = server.client.request(method, server.url + path)

    assert answer.status_code == status
    assert answer.json()["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ServiceError, match=rf"can't serve on 127.0.0.1, port {port}"
        ):
            serve(read_settings({"WAREHOUSE_HOME": str(tmp_path)}), port=port)


def test_landing_folder_that_can_t_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "landing").write_text("a file")

    with pytest.raises(ServiceError, match=r"landing/api_events can't be made"):
        serve(read_settings({"WAREHOUSE_HOME": str(tmp_path)}), port=0)


def test_defaults_are_those_that_are_documented() -> None:
    assert Limits().max_body_bytes == 10 * MIB
