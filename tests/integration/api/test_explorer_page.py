"""The page's files as they are served; what they do is tried in tests/browser."""

import re
from importlib.resources import files

import httpx
import pytest

from event_warehouse.access.keys import Scope
from tests.integration.api.conftest import Api

FOLDER = files("event_warehouse.explorer").joinpath("page")
MODULES = {file.name for file in FOLDER.iterdir() if file.name.endswith(".js")}


def fetch(api: Api, path: str, **headers: str) -> httpx.Response:
    """As a browser does before anybody has signed in."""
    with httpx.Client(timeout=60) as client:
        return client.get(api.server.url + path, headers=headers)


def addresses(api: Api) -> dict[str, str]:
    """Of the files that the page names, by their names."""
    page = fetch(api, "/").text
    return {
        address.rpartition("/")[2]: address
        for address in re.findall(r'(?:src|href)="(/[^"]+)"', page)
    }


def test_page_may_run_its_own_scripts_and_ask_its_own_service_only(api: Api) -> None:
    answer = fetch(api, "/")
    policy = dict(
        directive.split(" ", 1)
        for directive in answer.headers["content-security-policy"].split("; ")
    )

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert policy["default-src"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_page_names_every_module_so_that_none_waits_for_another(api: Api) -> None:
    assert {name for name in addresses(api) if name.endswith(".js")} == MODULES


@pytest.mark.parametrize("name", ["main.js", "page.css", "icon.svg"])
def test_file_is_packed_and_kept_as_long_as_its_address_lasts(
    api: Api, name: str
) -> None:
    address = addresses(api)[name]
    packed = fetch(api, address, **{"accept-encoding": "gzip"})
    plain = fetch(api, address, **{"accept-encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content == FOLDER.joinpath(name).read_bytes()
    assert "immutable" in plain.headers["cache-control"]
    same = fetch(api, address, **{"if-none-match": plain.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_page_itself_is_asked_for_anew(api: Api) -> None:
    page = fetch(api, "/")

    assert page.headers["cache-control"] == "no-cache"
    assert fetch(api, "/", **{"if-none-match": page.headers["etag"]}).status_code == 304


def test_chart_library_is_a_module_that_is_made_once(api: Api) -> None:
    address = addresses(api)["main.js"].replace("main.js", "vega.js")
    library = fetch(api, address)

    assert library.status_code == 200
    assert library.text.rstrip().endswith("as vegaEmbed};")
    (made,) = (api.settings.home / "explorer").iterdir()
    assert made.read_bytes() == library.content


@pytest.mark.parametrize(
    "path",
    [
        "of-another/main.js",
        "{version}/%2e%2e%2fassets.py",
        "{version}/..%2fassets.py",
        "{version}/index.html",
        "{version}/__init__.py",
        "{version}/",
    ],
)
def test_nothing_but_the_page_s_files_is_served(api: Api, path: str) -> None:
    version = addresses(api)["main.js"].split("/")[2]

    answer = fetch(api, "/explorer/" + path.format(version=version))
    assert answer.status_code == 404


@pytest.mark.parametrize("scope", Scope)
def test_session_says_whose_the_key_is_and_what_for(api: Api, scope: Scope) -> None:
    session = api.get("/session", api.key("globex", scope)).json()

    assert session["tenant"] == "globex"
    assert session["scopes"] == [scope]
    days = {
        "tenant_id": "globex",
        "event_count": 3,
        "first_date": "2025-06-01",
        "last_date": "2025-06-02",
    }
    assert session["tenants"] == ([] if scope == Scope.EVENTS_WRITE else [days])


def test_operator_who_may_only_write_is_told_of_no_tenant(api: Api) -> None:
    session = api.get("/session", api.key(None, Scope.EVENTS_WRITE)).json()

    assert session["tenants"] == []


def test_session_of_an_operator_names_all_tenants_by_their_events(api: Api) -> None:
    session = api.get("/session").json()

    assert session["tenant"] is None
    assert [one["tenant_id"] for one in session["tenants"]][:2] == ["acme", "globex"]
    assert len(session["tenants"]) == 5


def test_tenants_are_found_by_how_they_begin(api: Api) -> None:
    def found(key: str, **parameters: str) -> tuple[list[str], bool]:
        answer = api.get("/tenants", key, **parameters).json()
        return [one["tenant_id"] for one in answer["tenants"]], answer["is_cut_off"]

    assert found(api.operator, prefix="ac") == (["acme"], False)
    assert found(api.operator, limit="2") == (["acme", "globex"], True)
    assert found(api.operator, prefix="%") == ([], False)
    # Nobody's but their own, whatever they ask for.
    assert found(api.key("globex")) == (["globex"], False)
    assert found(api.key("globex"), prefix="acme") == ([], False)
    assert api.get("/session").json()["is_cut_off"] is False
    refused = api.get("/tenants", api.operator, event_type="visit", limit="0")
    assert {one["field"] for one in refused.json()["errors"]} == {"event_type", "limit"}


def test_session_needs_a_key(api: Api) -> None:
    assert fetch(api, "/session").status_code == 401
