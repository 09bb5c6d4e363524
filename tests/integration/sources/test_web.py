"""Files of a real web server are found by date, and their bytes arrive whole."""

import gzip
import random
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from event_warehouse.errors import FileError
from event_warehouse.settings import PROJECT
from event_warehouse.sources.errors import FileChanged, FileGone, SourceUnavailable
from event_warehouse.sources.resuming import Backoff
from event_warehouse.sources.source_file import SourceFile
from event_warehouse.sources.web import WebListing, find_on_web, find_url
from event_warehouse.sources.web_file import Identity, WebFile
from tests.faulty_proxy import Chances, Fault, FaultyProxy
from tests.integration.sources.conftest import MakeProxy
from tests.integration.sources.web_server import Page, WebServer

QUICK = Backoff(first_seconds=0.001, longest_seconds=0.01)
PATIENT = replace(QUICK, attempts=20)
CUT = Fault(cut_at=0.5)
GHARCHIVE_HOUR = "2015-01-01-12.json.gz"


def content_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def read(file: SourceFile) -> bytes:
    with file.open() as stream:
        return stream.readall() or b""


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2015, 1, 1, hour, minute, tzinfo=UTC)


def found(proxy: FaultyProxy, client: httpx.Client, path: str = "/a") -> WebFile:
    """The file at a path, found through a proxy that then forgets its requests."""
    file = find_url(proxy.url + path, client=client, backoff=QUICK)
    proxy.requests.clear()
    return replace(file, backoff=QUICK)


def ranges(proxy: FaultyProxy) -> list[str | None]:
    return [request.headers.get("range") for request in proxy.requests]


def list_hours(
    web: WebServer, client: httpx.Client, start: datetime, end: datetime
) -> WebListing:
    template = f"{web.url}/{{year:04}}-{{month:02}}-{{day:02}}-{{hour}}.json.gz"
    return find_on_web(template, start, end, client=client, backoff=QUICK)


def web_paths(web: WebServer) -> list[str]:
    return [path for _, path, _ in web.requests]


def test_each_hour_of_a_window_is_found(web: WebServer, http: httpx.Client) -> None:
    for hour in range(24):
        web.pages[f"/2015-01-01-{hour}.json.gz"] = Page(b"x" * hour)

    listing = list_hours(web, http, at(8, 30), at(11))

    paths = [f"/2015-01-01-{hour}.json.gz" for hour in (8, 9, 10)]
    assert [file.uri for file in listing.found] == [web.url + path for path in paths]
    assert [file.byte_count for file in listing.found] == [8, 9, 10]
    assert listing.missing == ()
    assert sorted(web_paths(web)) == sorted(paths)


def test_hour_that_is_not_published_is_told(web: WebServer, http: httpx.Client) -> None:
    web.pages["/2015-01-01-1.json.gz"] = Page(b"x")
    web.pages["/2015-01-01-2.json.gz"] = Page(b"x", status=410)

    listing = list_hours(web, http, at(0), at(3))

    assert [file.uri for file in listing.found] == [f"{web.url}/2015-01-01-1.json.gz"]
    assert listing.missing == (
        f"{web.url}/2015-01-01-0.json.gz",
        f"{web.url}/2015-01-01-2.json.gz",
    )


def test_template_without_an_hour_names_days(
    web: WebServer, http: httpx.Client
) -> None:
    web.pages["/2015/1/1.csv"] = Page(b"x")

    listing = find_on_web(
        f"{web.url}/{{year}}/{{month}}/{{day}}.csv",
        at(0),
        at(0).replace(day=3),
        client=http,
    )

    assert [file.uri for file in listing.found] == [f"{web.url}/2015/1/1.csv"]
    assert listing.missing == (f"{web.url}/2015/1/2.csv",)


def test_many_hours_are_asked_about_through_faults(
    web: WebServer, http: httpx.Client, make_proxy: MakeProxy
) -> None:
    for hour in range(0, 24, 2):
        web.pages[f"/2015-1-1-{hour:02}"] = Page(b"x")
    proxy = make_proxy(web.port, Chances(drop=0.2, slow_down=0.2, error=0.1), 7)

    listing = find_on_web(
        f"{proxy.url}/{{year}}-{{month}}-{{day}}-{{hour:02}}",
        at(0),
        at(23),
        client=http,
        backoff=PATIENT,
    )

    assert len(listing.found) == 12
    assert len(listing.missing) == 11
    assert len(proxy.requests) > 23


@pytest.mark.parametrize(
    "page",
    [
        Page(b"12345", takes_head=False),
        Page(b"12345", head_headers={"Content-Length": "0"}),
    ],
)
def test_server_that_takes_no_head_or_tells_no_length_is_asked_by_get(
    web: WebServer, http: httpx.Client, page: Page
) -> None:
    web.pages["/a"] = page

    file = find_url(f"{web.url}/a", client=http)

    assert file.byte_count == 5
    assert [method for method, _, _ in web.requests] == ["HEAD", "GET"]
    assert read(file) == b"12345"


def test_file_says_what_it_is(web: WebServer, http: httpx.Client) -> None:
    web.pages["/a"] = Page(b"12345", etag='"abc"')

    file = find_url(f"{web.url}/a", client=http)

    assert file.uri == f"{web.url}/a"
    assert file.byte_count == 5
    assert file.version == '"abc"'
    assert file.modified == datetime(2015, 1, 1, 13, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("page", "version"),
    [
        (Page(b"123", etag=None), "Thu, 01 Jan 2015 13:05:00 GMT-3"),
        (Page(b"123", etag='W/"weak"'), "Thu, 01 Jan 2015 13:05:00 GMT-3"),
        (Page(b"123", etag='W/"weak"', last_modified=None), None),
        (Page(b"123", etag=None, last_modified=None), None),
        (Page(b"123", etag=None, length_is="chunked"), None),
        (Page(b"123", etag='"1"', last_modified="no date"), '"1"'),
    ],
)
def test_version_is_only_what_changes_with_the_content(
    web: WebServer, http: httpx.Client, page: Page, version: str | None
) -> None:
    web.pages["/a"] = page

    assert find_url(f"{web.url}/a", client=http).version == version


def test_file_that_is_not_there_is_an_error(web: WebServer, http: httpx.Client) -> None:
    with pytest.raises(FileError, match="/a: there is no such file"):
        find_url(f"{web.url}/a", client=http)


@pytest.mark.parametrize(
    "url",
    ["", "a/b", "ftp://host/a", "https://", "file:///etc/passwd", "http://host:port/"],
)
def test_what_is_no_url_is_refused(http: httpx.Client, url: str) -> None:
    with pytest.raises(FileError, match=r"^the URL .* like https://host/path$"):
        find_url(url, client=http)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://user:canary@host/a", "holds a user name or password"),
        ("https://canary@host/a", "holds a user name or password"),
        ("https://user:canary@/a", "holds a user name or password"),
        ("http://user:canary", "can't be read"),
        ("http://user:canary@host:port/", "can't be read"),
        ("http://[canary]/", "can't be read"),
        ("http:///canary", "has no host"),
    ],
)
def test_password_in_a_url_is_refused_and_not_told(
    http: httpx.Client, url: str, reason: str
) -> None:
    with pytest.raises(FileError, match=reason) as raised:
        find_url(url, client=http)

    assert "canary" not in "".join(traceback.format_exception(raised.value))


def test_secret_of_a_url_is_used_and_not_told(
    web: WebServer,
    http: httpx.Client,
    caplog: pytest.LogCaptureFixture,
) -> None:
    web.pages["/a?day=1&X-Signature=canary"] = Page(b"x")
    caplog.set_level("INFO")

    file = find_url(f"{web.url}/a?day=1&X-Signature=canary", client=http)

    assert read(file) == b"x"
    assert file.uri == f"{web.url}/a?day=1&X-Signature=hidden"
    assert "canary" not in caplog.text


def test_refusal_is_told_when_the_file_is_read(
    web: WebServer, http: httpx.Client
) -> None:
    web.pages["/2015-01-01-0.json.gz"] = Page(b"no", status=403)
    web.pages["/2015-01-01-1.json.gz"] = Page(b"x")

    refused, other = list_hours(web, http, at(0), at(2)).found

    assert refused.version is None
    assert read(other) == b"x"
    with pytest.raises(FileError, match="its server answered 403"):
        read(refused)


def test_server_that_can_not_be_reached_is_named(http: httpx.Client) -> None:
    with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1 can't be reached"):
        find_url("http://127.0.0.1:9/a", client=http, backoff=QUICK)


def test_file_that_is_cut_off_goes_on_where_it_broke(
    web: WebServer, web_proxy: FaultyProxy, http: httpx.Client
) -> None:
    web.pages["/a"] = Page(content_of(1000))
    file = found(web_proxy, http)
    web_proxy.planned += [CUT, Fault(is_dropped=True), Fault(status=503), CUT]

    assert read(file) == content_of(1000)
    assert ranges(web_proxy) == [None, *["bytes=500-"] * 3, "bytes=750-"]
    assert web_proxy.requests[1].headers["if-range"] == '"1"'


def test_file_of_which_nothing_was_told_goes_on_where_it_broke(
    web: WebServer, web_proxy: FaultyProxy, http: httpx.Client
) -> None:
    web.pages["/a"] = Page(content_of(1000))
    file = WebFile(f"{web_proxy.url}/a", Identity(), http, QUICK)
    web_proxy.planned.append(CUT)

    assert read(file) == content_of(1000)
    assert web_proxy.requests[1].headers["if-range"] == '"1"'


def test_every_file_arrives_whole_through_faults(
    web: WebServer, http: httpx.Client, make_proxy: MakeProxy
) -> None:
    sizes = [1, 2, 1000, *(random.Random(6).randrange(2_000_000) for _ in range(20))]
    for number, size in enumerate(sizes):
        length_is = "chunked" if number % 5 == 4 else "told"
        web.pages[f"/{number}"] = Page(content_of(size), length_is=length_is)
    chances = Chances(0.05, 0.05, 0.05, 0.4, delay_seconds=0.002)
    proxy = make_proxy(web.port, chances, 12)

    files = [found(proxy, http, f"/{number}") for number in range(len(sizes))]
    arrived = [read(replace(file, backoff=PATIENT)) for file in files]

    assert [len(content) for content in arrived] == sizes
    assert arrived == [content_of(size) for size in sizes]
    assert sum(fault.cut_at is not None for fault in proxy.faults) >= 10


def test_last_modified_serves_where_there_is_no_etag(
    web: WebServer, web_proxy: FaultyProxy, http: httpx.Client
) -> None:
    web.pages["/a"] = Page(content_of(1000), etag=None)
    file = found(web_proxy, http)
    web_proxy.planned.append(CUT)

    assert read(file) == content_of(1000)
    assert web_proxy.requests[1].headers["if-range"].startswith("Thu, 01 Jan 2015")


def test_same_etag_is_the_same_content_whatever_its_time(
    web: WebServer, web_proxy: FaultyProxy, http: httpx.Client
) -> None:
    web.pages["/a"] = Page(content_of(1000))
    file = found(web_proxy, http)
    web_proxy.planned.append(CUT)

    with file.open() as stream:
        beginning = stream.read(100)
        web.pages["/a"] = Page(content_of(1000), last_modified="another time")
        assert beginning + stream.readall() == content_of(1000)


def test_connection_that_falls_silent_is_given_up_and_mended(
    web: WebServer, web_proxy: FaultyProxy
) -> None:
    web.pages["/a"] = Page(content_of(1000))
    with httpx.Client(timeout=0.2, trust_env=False) as impatient:
        file = found(web_proxy, impatient)
        web_proxy.planned.append(Fault(cut_at=0.5, is_silent=True))

        assert read(file) == content_of(1000)
    assert ranges(web_proxy) == [None, "bytes=500-"]


def test_file_that_makes_no_progress_is_given_up(
    web: WebServer, web_proxy: FaultyProxy, http: httpx.Client
) -> None:
    web.pages["/a"] = Page(content_of(1000))
    file = found(web_proxy, http)
    web_proxy.planned += [CUT, *[Fault(cut_at=0.0)] * 10]

    with pytest.raises(FileError, match=r"\(5 times in a row\), at byte 500"):
        read(file)

    assert len(web_proxy.requests) == 5


def test_file_is_left_alone_as_long_as_its_server_asks(
    web: WebServer,
    web_proxy: FaultyProxy,
    http: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    web.pages["/a"] = Page(b"x")
    file = replace(found(web_proxy, http), backoff=Backoff(longest_seconds=7.0))
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    web_proxy.planned += [
        Fault(status=429, headers=("Retry-After: 3",)),
        Fault(status=503, headers=("Retry-After: 3600",)),
    ]

    assert read(file) == b"x"
    assert [pause for pause in pauses if pause > 1] == [3.0, 7.0]


def test_server_without_ranges_starts_anew_if_nothing_has_arrived(
    web: WebServer, web_proxy: FaultyProxy, http: httpx.Client
) -> None:
    web.pages["/a"] = Page(content_of(1000), takes_ranges=False)
    file = found(web_proxy, http)
    web_proxy.planned += [Fault(cut_at=0.0)] * 2

    assert read(file) == content_of(1000)


def test_server_without_ranges_can_not_go_on(
    web: WebServer, web_proxy: FaultyProxy, http: httpx.Client
) -> None:
    web.pages["/a"] = Page(content_of(1000), takes_ranges=False)
    file = found(web_proxy, http)
    web_proxy.planned.append(CUT)

    with pytest.raises(FileError, match="cut off at byte 500, and its server can't go"):
        read(file)


def test_server_that_tells_no_version_can_not_go_on(
    web: WebServer, web_proxy: FaultyProxy, http: httpx.Client
) -> None:
    web.pages["/a"] = Page(content_of(1000), etag='W/"1"', last_modified=None)
    file = found(web_proxy, http)
    web_proxy.planned.append(CUT)

    with pytest.raises(FileError, match=r"cut off at byte 500, .* gives no ETag"):
        read(file)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Page(content_of(1000)), Page(content_of(999), etag='"2"')),
        (
            Page(content_of(1000), etag=None),
            Page(
                content_of(999), etag=None, last_modified="Fri, 02 Jan 2015 1:1:1 GMT"
            ),
        ),
        (Page(content_of(1000)), Page(content_of(10), takes_ranges=False, etag='"2"')),
    ],
)
def test_file_that_is_replaced_while_it_is_read_is_an_error(
    web: WebServer,
    web_proxy: FaultyProxy,
    http: httpx.Client,
    before: Page,
    after: Page,
) -> None:
    web.pages["/a"] = before
    file = found(web_proxy, http)
    web_proxy.planned.append(CUT)

    with file.open() as stream:
        assert stream.read(100) == before.content[:100]
        web.pages["/a"] = after
        with pytest.raises(FileChanged, match="was replaced while it was read"):
            stream.readall()


def test_file_that_was_replaced_since_it_was_found_is_an_error(
    web: WebServer, http: httpx.Client
) -> None:
    web.pages["/a"] = Page(b"old")
    file = find_url(f"{web.url}/a", client=http)
    web.pages["/a"] = Page(b"new", etag='"2"')

    with pytest.raises(FileChanged, match="was replaced while it was read"):
        read(file)


def test_server_that_goes_on_in_other_content_is_noticed(
    web: WebServer, web_proxy: FaultyProxy, http: httpx.Client
) -> None:
    web.pages["/a"] = Page(content_of(1000))
    file = found(web_proxy, http)
    web_proxy.planned += [CUT, Fault(hidden_headers=("if-range",))]

    with file.open() as stream:
        stream.read(100)
        web.pages["/a"] = Page(content_of(999), etag='"2"')
        with pytest.raises(FileChanged, match="was replaced while it was read"):
            stream.readall()


def test_file_that_is_gone_is_an_error(web: WebServer, http: httpx.Client) -> None:
    web.pages["/a"] = Page(b"old")
    file = find_url(f"{web.url}/a", client=http)
    del web.pages["/a"]

    with pytest.raises(FileGone):
        read(file)


def test_end_that_nobody_told_is_not_trusted(
    web: WebServer, http: httpx.Client
) -> None:
    web.pages["/a"] = Page(b"maybe all", length_is="untold")
    file = find_url(f"{web.url}/a", client=http)

    with pytest.raises(FileError, match="does not say where it ends"):
        read(file)


def test_chunked_file_that_is_cut_off_is_not_taken_for_whole(
    web: WebServer, web_proxy: FaultyProxy, http: httpx.Client
) -> None:
    web.pages["/a"] = Page(content_of(5000), length_is="chunked", takes_ranges=False)
    file = found(web_proxy, http)
    cut = Fault(cut_at=2500 / 2**62)
    web_proxy.planned.append(cut)

    with pytest.raises(FileError, match=r"cut off at byte 2,\d\d\d"):
        read(file)


def test_redirects_are_followed(web: WebServer, http: httpx.Client) -> None:
    web.pages["/a"] = Page(b"", status=302, location="/b", etag=None)
    web.pages["/b"] = Page(b"content")

    file = find_url(f"{web.url}/a", client=http)

    assert file.byte_count == 7
    assert file.uri == f"{web.url}/a"
    assert read(file) == b"content"


def test_redirects_in_a_circle_are_an_error(web: WebServer, http: httpx.Client) -> None:
    web.pages["/a"] = Page(b"", status=302, location="/a")

    file = find_url(f"{web.url}/a", client=http, backoff=QUICK)
    with pytest.raises(FileError, match="TooManyRedirects"):
        read(file)


def test_packed_file_stays_packed(web: WebServer, http: httpx.Client) -> None:
    packed = gzip.compress(b"events")
    web.pages["/a"] = Page(packed, headers={"Content-Encoding": "gzip"})

    file = find_url(f"{web.url}/a", client=http)

    assert read(file) == packed
    asked = {headers["Accept-Encoding"] for _, _, headers in web.requests}
    assert asked == {"identity"}


@pytest.fixture
def real_hour() -> Path:
    """A real hour of public events, kept beside the project where it is at hand."""
    path = PROJECT.parent / "shared" / "data" / f"gharchive-{GHARCHIVE_HOUR}"
    if not path.is_file():
        pytest.skip("the real hour is not at hand")
    return path


def test_real_hour_arrives_whole_through_faults(
    web: WebServer, web_proxy: FaultyProxy, http: httpx.Client, real_hour: Path
) -> None:
    content = real_hour.read_bytes()
    web.pages[f"/{GHARCHIVE_HOUR}"] = Page(content)
    template = f"{web_proxy.url}/{{year:04}}-{{month:02}}-{{day:02}}-{{hour}}.json.gz"

    listing = find_on_web(template, at(12), at(13), client=http)
    web_proxy.planned += [Fault(cut_at=0.2), Fault(cut_at=0.9)]
    [file] = listing.found
    arrived = read(replace(file, backoff=QUICK))

    assert arrived == content
    assert gzip.decompress(arrived).count(b"\n") == 8273
