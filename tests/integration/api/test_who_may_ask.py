"""Every endpoint with every key: who is let in, and that no tenant sees another's."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from event_warehouse.access.key_file import key_file
from event_warehouse.access.key_store import STATEMENTS, create_key, revoke_key
from event_warehouse.access.keys import Scope, id_of
from tests.api_server import VISIT, wait_for
from tests.integration.api.conftest import Api

BUCKETS = "/events/customers/acme/buckets?start=2025-06-01&end=2025-07-01"
EVENTS = "/events?start=2025-06-01&end=2025-07-01"
ASKED = [
    ("POST", "/events", Scope.EVENTS_WRITE),
    ("GET", BUCKETS, Scope.QUERY_READ),
    ("GET", EVENTS, Scope.QUERY_READ),
    ("GET", "/tenants", Scope.QUERY_READ),
    ("GET", "/stats", Scope.STATS_READ),
    ("GET", "/stats/activity", Scope.STATS_READ),
    ("GET", "/stats/loads", Scope.STATS_READ),
    ("GET", "/stats/rejections", Scope.STATS_READ),
    ("GET", "/metrics", Scope.STATS_READ),
]
ENDPOINTS = [(method, path) for method, path, _ in ASKED]
JSON = "application/json"
OPEN = {"/health", "/events/schema", "/openapi.json"}
"""What says nothing of events."""


def ask(api: Api, method: str, path: str, **headers: str | bytes) -> httpx.Response:
    body = json.dumps({"events": [VISIT]}) if method == "POST" else None
    with httpx.Client(timeout=20) as client:
        return client.request(
            method,
            api.server.url + path,
            content=body,
            headers=[
                (name.encode(), value if isinstance(value, bytes) else value.encode())
                for name, value in {"content-type": JSON, **headers}.items()
            ],
        )


def bearer(key: str) -> dict[str, str | bytes]:
    return {"authorization": f"Bearer {key}"}


def test_every_route_that_there_is_is_tried_here(api: Api) -> None:
    paths = ask(api, "GET", "/openapi.json").json()["paths"]

    named = (path.partition("?")[0] for _, path in ENDPOINTS)
    tried = {path.replace("acme", "{customer_id}") for path in named}
    # POST /query and /keys are tried where they are tested.
    paths = {path for path in paths if not path.startswith(("/query", "/keys"))}
    assert paths == (
        # What any key may ask is tried with the page.
        tried | (OPEN - {"/openapi.json"}) | {"/session"}
    )


# Keys ------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer x",
        "Bearer ew_aaaaaaaaaaaa_" + "a" * 43,
        "Basic dXNlcjpwYXNz",
        "Bearer ew_" + "a" * 100_0,
        "Bearer ' or 1=1 --",
    ],
)
def test_request_without_a_known_key_is_refused(
    api: Api, method: str, path: str, authorization: str | None
) -> None:
    headers: dict[str, str | bytes] = (
        {} if authorization is None else {"authorization": authorization}
    )
    answer = ask(api, method, path, **headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_key_with_one_letter_changed_is_refused(
    api: Api, method: str, path: str
) -> None:
    key = api.operator[:-1] + ("A" if api.operator[-1] != "A" else "B")

    assert ask(api, method, path, **bearer(key)).status_code == 401


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_key_of_another_with_the_same_secret_is_refused(
    api: Api, method: str, path: str
) -> None:
    other = id_of(api.key("acme"))
    key = f"ew_{other}_{api.operator.split('_', 2)[2]}"

    assert ask(api, method, path, **bearer(key)).status_code == 401


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_revoked_key_is_refused(api: Api, method: str, path: str) -> None:
    key = api.key(None)
    assert ask(api, method, path, **bearer(key)).status_code == 200
    key_id = id_of(key)
    assert key_id

    revoke_key(api.settings, key_id)

    wait_for(
        lambda: ask(api, method, path, **bearer(key)).status_code == 401, api.server
    )


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_expired_key_is_refused(api: Api, method: str, path: str) -> None:
    key = create_key(api.settings, tenant=None, scopes=list(Scope), days=1)
    assert ask(api, method, path, **bearer(key)).status_code == 200

    with psycopg.connect(api.settings.dsn) as connection:
        connection.execute(
            "update access.keys set expires_at = %s where key_id = %s",
            (datetime.now(UTC) - timedelta(seconds=1), id_of(key)),
        )

    wait_for(
        lambda: ask(api, method, path, **bearer(key)).status_code == 401, api.server
    )


@pytest.mark.parametrize(("method", "path", "scope"), ASKED)
def test_key_is_good_for_its_scopes_only(
    api: Api, method: str, path: str, scope: Scope
) -> None:
    right = api.key(None, scope)
    wrong = api.key(None, *(other for other in Scope if other != scope))

    assert ask(api, method, path, **bearer(right)).status_code == 200
    refused = ask(api, method, path, **bearer(wrong))
    assert refused.status_code == 403
    assert refused.json()["detail"] == f"This key is not for {scope}."


@pytest.mark.parametrize("path", sorted(OPEN))
def test_what_says_nothing_of_events_needs_no_key(api: Api, path: str) -> None:
    assert ask(api, "GET", path).status_code == 200


def test_two_keys_at_once_are_refused(api: Api) -> None:
    headers = [("authorization", f"Bearer {api.operator}")] * 2
    with httpx.Client() as client:
        answer = client.get(api.server.url + "/stats", headers=headers)

    assert answer.status_code == 401


def test_no_secret_is_kept_or_logged(api: Api) -> None:
    key = api.key("acme")
    secret = key.split("_", 2)[2]
    assert ask(api, "GET", BUCKETS, **bearer(key)).status_code == 200

    with psycopg.connect(api.settings.dsn) as connection:
        rows = connection.execute("select keys::text from access.keys").fetchall()
    kept = "".join(row for (row,) in rows)
    file: Path = key_file(api.settings.home)
    assert secret not in kept + file.read_text() + api.server.log.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_service_may_note_when_a_key_was_used_and_change_nothing_else_of_it(
    api: Api,
) -> None:
    key_id = id_of(api.key("acme"))
    # A round of the service notes once a minute, which is too long to wait for here.
    with psycopg.connect(api.settings.api_dsn, autocommit=True) as connection:
        connection.execute(STATEMENTS["note_use"], {"key_ids": [key_id]})
        row = connection.execute(
            "select last_used_at > now() - interval '1 minute' from access.keys"
            " where key_id = %s",
            (key_id,),
        ).fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("update access.keys set scopes = '{events:write}'")

    assert row == (True,)


# Tenants ---------------------------------------------------------------------------


@pytest.fixture(scope="session")
def acme(api: Api) -> str:
    return api.key("acme")


@pytest.fixture(scope="session")
def globex(api: Api) -> str:
    return api.key("globex")


def test_tenant_reads_its_own_buckets(api: Api, acme: str, globex: str) -> None:
    of_acme = api.get(BUCKETS, acme).json()["buckets"]
    of_globex = api.get(BUCKETS.replace("acme", "globex"), globex).json()["buckets"]

    assert sum(one["count"] for one in of_acme) == 6
    assert sum(one["count"] for one in of_globex) == 3


@pytest.mark.parametrize("other", ["globex", "nobody", "ACME", "acme ", "acme%2Fx"])
def test_tenant_is_refused_the_same_way_whether_another_exists_or_not(
    api: Api, acme: str, other: str
) -> None:
    answer = api.get(BUCKETS.replace("acme", other), acme)

    assert answer.status_code == 403
    assert answer.json() == {
        "title": "Forbidden",
        "status": 403,
        "detail": "This key is another tenant's.",
        "errors": [],
    }


def test_path_s_customer_is_the_one_that_counts(api: Api, acme: str) -> None:
    answer = api.get(f"{BUCKETS}&customer_id=globex", acme)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "customer_id"


@pytest.mark.parametrize(
    "path",
    ["/stats", "/stats/activity", "/stats/rejections", "/session", EVENTS, BUCKETS],
)
def test_no_answer_to_a_tenant_names_or_counts_another(
    api: Api, acme: str, path: str
) -> None:
    text = api.get(path, acme).text

    for word in ("globex", "secret-launch", 'rejected":', "customer_events"):
        assert word not in text


def test_statistics_of_a_tenant_are_of_its_own_events(api: Api, globex: str) -> None:
    stats = api.get("/stats", globex).json()

    assert stats["tenant_id"] == "globex"
    assert stats["event_count"] == 3
    assert stats["first_date"] == "2025-06-01"
    assert stats["last_date"] == "2025-06-02"
    assert stats["freshness"]["rejected_events"] == 0


def test_metrics_are_an_operator_s(api: Api, acme: str) -> None:
    assert api.get("/metrics", acme).status_code == 403


def test_events_that_a_tenant_posts_are_its_own(api: Api, acme: str) -> None:
    def post(key: str, **headers: str | bytes) -> httpx.Response:
        return ask(api, "POST", "/events", **bearer(key), **headers)

    (event_id,) = post(acme).json()["event_ids"]
    (other_id,) = post(api.operator, **{"event-tenant": "Zoë".encode()}).json()[
        "event_ids"
    ]
    assert post(acme, **{"event-tenant": "globex"}).status_code == 403
    assert post(acme, **{"event-tenant": "acme"}).status_code == 200

    def tenants() -> dict[str, str]:
        folder = api.settings.landing / "api_events"
        return {
            event["event_id"]: event["tenant_id"]
            for path in folder.rglob("[!.]*.jsonl")
            for event in map(json.loads, path.read_text().splitlines())
        }

    wait_for(lambda: {event_id, other_id} <= tenants().keys(), api.server)
    assert tenants()[event_id] == "acme"
    assert tenants()[other_id] == "Zoë"


@pytest.mark.parametrize(
    "value", [b"", b"\xff\xfe", b"x" * 1001], ids=["empty", "no UTF-8", "long"]
)
def test_header_that_names_no_tenant_is_refused(api: Api, value: bytes) -> None:
    headers = {**bearer(api.operator), "event-tenant": value}
    answer = ask(api, "POST", "/events", **headers)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Event-Tenant"


# Statistics ------------------------------------------------------------------------


def test_statistics_of_an_operator_are_of_every_feed(api: Api) -> None:
    stats = api.get("/stats").json()
    (feed,) = [one for one in stats["feeds"] if one["feed"] == "customer_events"]

    assert stats["event_count"] == 12
    assert stats["rejected_event_count"] == 2
    assert stats["is_balanced"] is True
    assert stats["lag_seconds"] == 0
    assert feed["file_count"] == 1
    assert feed["record_count"] == 14
    assert feed["last_hour_record_count"] == 14
    assert stats["records_per_second"] == pytest.approx(14 / 3600)
    assert stats["freshness"]["rejected_events"] == 2


def test_metrics_are_what_prometheus_reads(api: Api) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    api.get(BUCKETS)
    answer = api.get("/metrics")
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }

    assert answer.headers["content-type"].startswith("text/plain")
    feed = (("feed", "customer_events"),)
    assert samples["event_warehouse_up", ()] == 1
    assert samples["event_warehouse_feed_event_count", feed] == 12
    assert samples["event_warehouse_feed_rejected_event_count", feed] == 2
    route = ("route", "/events/customers/{customer_id:path}/buckets")
    labels = (("method", "GET"), route, ("status", "200"))
    assert samples["event_warehouse_requests_total", labels] >= 1


# Injection -------------------------------------------------------------------------

HOSTILE = [
    "'; drop table marts.tenant_events_hourly; --",
    "' or '1'='1",
    "\\'; select pg_sleep(10); --",
    "acme' union select role_name, 1 from access.tenants --",
    "%s%(x)s%%",
    "$1",
    "${jndi:ldap://x}",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "a\r\nset-cookie: x=1",
    "\ud7ff\uffff",
    "\u202etxt",
    "tenant_x; set role warehouse",
    "{{7*7}}",
    "\x1b[2J",
    "\x00",
    "x" * 5000,
]


def tables(api: Api) -> list[tuple[object, ...]]:
    with psycopg.connect(api.settings.dsn) as connection:
        return connection.execute(
            """
            select
                (select count(*) from marts.tenant_events_hourly),
                (select count(*) from analytics.events),
                (select count(*) from access.tenants),
                (select count(*) from pg_class where relkind in ('r', 'v', 'p')),
                (select count(*) from pg_roles)
            """
        ).fetchall()


@pytest.fixture
def unchanged(api: Api) -> Iterator[None]:
    before = tables(api)
    yield
    assert tables(api) == before


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "field", ["start", "end", "event_type", "fill", "limit", "x'x"]
)
def test_hostile_parameter_has_no_effect(api: Api, field: str, text: str) -> None:
    given = {"start": "2025-06-01", "end": "2025-07-01", field: text}
    answer = api.get("/events/customers/acme/buckets", **given)

    assert answer.status_code in {200, 400}
    if answer.status_code == 200:
        assert answer.json()["buckets"] == []


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_customer_has_no_effect(api: Api, text: str) -> None:
    quoted = str(httpx.QueryParams({"": text}))[1:].replace("+", "%20")
    answer = api.get(BUCKETS.replace("acme", quoted))

    assert answer.status_code in {200, 400, 404}
    if answer.status_code == 200:
        assert answer.json()["buckets"] == []


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["authorization", "event-tenant", "idempotency-key"])
def test_hostile_header_has_no_effect(api: Api, name: str, text: str) -> None:
    headers = {**bearer(api.operator), name: text.encode()}
    try:
        answer = ask(api, "POST", "/events", **headers)
    except httpx.LocalProtocolError:
        pytest.skip("no client sends that")

    assert answer.status_code < 500


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_tenant_makes_a_role_and_nothing_else(api: Api, text: str) -> None:
    if text == "\x00" or len(text) > 1000:
        pytest.skip("refused where keys are made")
    key = api.key(text)
    try:
        stats = api.get("/stats", key).json()
        assert stats["event_count"] == 0
        assert stats["tenant_id"] == text
    finally:
        with psycopg.connect(api.settings.dsn) as connection:
            row = connection.execute(
                "select role_name from access.tenants where tenant_id = %s", (text,)
            ).fetchone()
            assert row
            connection.execute("delete from access.keys where tenant_id = %s", (text,))
            connection.execute(
                "delete from access.tenants where tenant_id = %s", (text,)
            )
            connection.execute(f"drop role {row[0]}")
