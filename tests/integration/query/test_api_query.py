"""`POST /query` and `GET /query/schema`, asked over HTTP."""

import io
from datetime import datetime
from typing import Any

import msgspec
import psycopg
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from event_warehouse.query.answer import Format
from event_warehouse.query.schema import SCHEMA
from event_warehouse.settings import Settings
from tests.integration.query.conftest import Client, ClientOf, Happen
from tests.integration.query.expected import rows_of
from tests.integration.query.happenings import Event

HAPPENINGS: list[tuple[int, int, str, Event]] = [
    (1, 0, "product_view", {"user_id": "ada", "item_colour_id": "red"}),
    (1, 1, "product_view", {"user_id": "ada", "item_colour_id": "blue"}),
    (1, 2, "add_to_cart", {"user_id": "ada", "item_colour_id": "red"}),
    (2, 3, "add_to_cart", {"user_id": "bob", "item_colour_id": "red"}),
    (2, 4, "product_view", {"user_id": "bob", "item_colour_id": "red"}),
    (2, 5, "product_view", {"user_id": "kim"}),
    (2, 23, "product_view", {"user_id": "kim", "item_colour_id": 7}),
    (3, 5, "add_to_cart", {"user_id": "kim", "item_colour_id": "7"}),
    (4, 5, "payment", {"amount": "100", "currency": "EUR", "country": "DE"}),
    (4, 6, "payment", {"amount": 250.5, "user_id": "kim", "country": "AT"}),
    (5, 6, "payment", {"amount": 300, "device_id": "phone-3"}),
    (6, 6, "payment", {"amount": 99.99, "country": "DE"}),
    (6, 7, "request", {"path": "/foo", "status_code": 503, "sample_rate": 10}),
    (6, 8, "request", {"path": "/foo", "status_code": "404"}),
    (6, 9, "request", {"path": "/bar", "status_code": 500}),
]
"""Day of January, hour, type and the rest."""
SHOP_EVENTS: list[Event] = [
    {
        "tenant": "shop",
        "event_id": f"s{number}",
        "at": f"2025-01-{day:02}T{hour:02}:30:00Z",
        "event_type": kind,
        **rest,
    }
    for number, (day, hour, kind, rest) in enumerate(HAPPENINGS)
]
JANUARY = {"start": "2025-01-01", "end": "2025-02-01"}


@pytest.fixture(scope="session")
def shop(happen: Happen, client_of: ClientOf) -> Client:
    happen(SHOP_EVENTS)
    return client_of("shop")


def examples() -> list[dict[str, Any]]:
    return list(SCHEMA["examples"])


def as_sent(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    """As JSON has them."""
    encoded = msgspec.json.encode(rows)
    return list(msgspec.json.decode(encoded))


@pytest.mark.parametrize("number", range(len(examples())))
def test_example_of_the_schema_is_answered_as_plain_python_counts_it(
    shop: Client, number: int
) -> None:
    question = examples()[number]

    answer = shop.post("/query", json=question)

    assert answer.status_code == 200, answer.text
    rows = [list(row.values()) for row in answer.json()["rows"]]
    expected = rows_of(question, SHOP_EVENTS, "shop")
    assert expected
    assert [[same(value) for value in row] for row in rows] == [
        [same(value) for value in row] for row in as_sent(expected)
    ]


def same(value: Any) -> Any:
    """Decimals are numbers here and texts there."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def test_series_of_the_seed_are_counted_by_event_and_by_user(
    shop: Client,
) -> None:
    answer = shop.post("/query", json=examples()[0]).json()

    assert answer["rows"] == [
        {"series": "product_view", "event_count": 4, "unique(user_id)": 3},
        {"series": "add_to_cart", "event_count": 3, "unique(user_id)": 3},
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_funnel_of_the_seed_holds_user_and_colour_constant(
    shop: Client, number: int
) -> None:
    answer = shop.post("/query", json=examples()[number]).json()

    # Ada carts what she has seen, Kim too; Bob carts it first and Ada's blue never.
    (funnel,) = answer["funnels"]
    assert funnel["match"] == ["user_id", "item_colour_id"]
    assert funnel["answered_from"] == "analytics.events"
    assert [
        (step["step"], step["user_count"], step["match_count"], step["median_seconds"])
        for step in funnel["steps"]
    ] == [("product_view", 3, 4, 0), ("add_to_cart", 2, 2, 4 * 3_600)]


@pytest.mark.parametrize(
    ("members", "reached"),
    [
        ({"type": "exact_order"}, [3, 2]),
        ({"type": "exact_order", "window_seconds": 7_200}, [3, 1]),
        ({"type": "exact_order", "step_window_seconds": 7_199}, [3, 0]),
        ({"type": "any"}, [3, 3]),
        ({"type": "any", "window_seconds": 7_200}, [3, 2]),
        ({"type": "strict"}, [3, 2]),
        ({"type": "strict", "match": ["user_id"]}, [3, 2]),
        ({"type": "exact_order", "order": ["add_to_cart", "product_view"]}, [3, 1]),
    ],
)
def test_funnel_is_counted_by_its_type_and_windows(
    shop: Client, members: dict[str, Any], reached: list[int]
) -> None:
    (asked,) = examples()[0]["funnel"]
    question = {**examples()[0], "funnel": {**asked, **members}}

    (funnel,) = shop.post("/query", json=question).json()["funnels"]

    assert [step["user_count"] for step in funnel["steps"]] == reached


def test_funnel_is_broken_down_by_a_key(shop: Client) -> None:
    (asked,) = examples()[0]["funnel"]
    question = {
        **examples()[0],
        "funnel": {**asked, "breakdown": "item_colour_id"},
        "show_sql": True,
    }

    (funnel,) = shop.post("/query", json=question).json()["funnels"]

    assert {
        (step["breakdown"], step["step"]): step["user_count"]
        for step in funnel["steps"]
    } == {
        ("red", "product_view"): 2,
        ("red", "add_to_cart"): 1,
        ("blue", "product_view"): 1,
        ("blue", "add_to_cart"): 0,
        ("7", "product_view"): 1,
        ("7", "add_to_cart"): 1,
    }
    assert "funnels." in funnel["sql"]


def test_groups_of_a_funnel_beyond_the_limit_are_left_out_and_said_to_be_there(
    shop: Client,
) -> None:
    (asked,) = examples()[0]["funnel"]
    limited = {**asked, "breakdown": "item_colour_id", "limit": 2}

    answer = shop.post("/query", json={**examples()[0], "funnel": limited}).json()

    # Most users began with red; 7 and blue have one each, and 7 is before blue.
    (funnel,) = answer["funnels"]
    assert funnel["group_count"] == 3
    assert [
        (step["breakdown"], step["step_number"], step["user_count"])
        for step in funnel["steps"]
    ] == [("red", 1, 2), ("red", 2, 1), ("7", 1, 1), ("7", 2, 1)]


@pytest.mark.parametrize("type", ["exact_order", "strict", "any"])
def test_funnel_of_event_types_is_answered_from_sequences_as_from_events(
    shop: Client, type: str
) -> None:
    steps = [
        {
            "name": kind,
            "keys": ["user_id"],
            "filters": [{"type": "in", "key": "event_type", "values": [kind, "none"]}],
        }
        for kind in ("product_view", "add_to_cart")
    ]
    funnel = {
        "type": type,
        "order": ["product_view", "add_to_cart"],
        "match": ["user_id"],
        "window_seconds": 86_400,
    }
    # The same steps, but so that an event's id is asked for, too.
    more = [{**step, "keys": ["user_id", "event_id"]} for step in steps]

    small = shop.post("/query", json={**JANUARY, "data": steps, "funnel": funnel})
    large = shop.post("/query", json={**JANUARY, "data": more, "funnel": funnel})

    (one,), (other,) = small.json()["funnels"], large.json()["funnels"]
    assert one["answered_from"] == "analytics.fct_user_sequences_daily"
    assert other["answered_from"] == "analytics.events"
    assert one["steps"] == other["steps"]
    assert one["steps"][0]["user_count"] == 3


def test_funnel_is_not_answered_as_csv(shop: Client) -> None:
    answer = shop.post("/query?format=csv", json=examples()[0])

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "/funnel"


def test_answer_says_where_it_is_from_and_how_long_it_took(shop: Client) -> None:
    question = {
        **JANUARY,
        "bucket": "day",
        "data": [
            {"name": "all"},
            {"name": "types", "unique": ["event_type"]},
            {"name": "paths", "filters": [{"type": "all", "key": "path"}]},
        ],
    }

    answer = shop.post("/query", json=question).json()

    assert [one["answered_from"] for one in answer["series"]] == [
        "marts.tenant_events_daily",
        "marts.event_types_hourly",
        "analytics.events",
    ]
    assert answer["time_zone"] == "UTC"
    assert answer["start"] == "2025-01-01T00:00:00Z"
    assert answer["elapsed_ms"] > 0
    assert not any("sql" in one for one in answer["series"])


@pytest.mark.parametrize("bucket", ["day", "week", None])
def test_distinct_users_of_days_are_answered_from_sequences_as_from_events(
    shop: Client, bucket: str | None
) -> None:
    question = {"start": "2024-12-30", "end": "2025-02-03"}
    if bucket:
        question["bucket"] = bucket
    series: list[dict[str, Any]] = [
        {"name": "all", "keys": ["user_id"], "unique": ["user_id"]},
        {
            "name": "k",
            "filters": [{"type": "prefix", "key": "user_id", "value": "k"}],
            "unique": ["user_id"],
        },
    ]
    # The same, but so that an event's id is asked for, too.
    more = [{**one, "keys": ["user_id", "event_id"]} for one in series]

    small = shop.post("/query", json={**question, "data": series}).json()
    large = shop.post("/query", json={**question, "data": more}).json()

    assert {one["answered_from"] for one in small["series"]} == {
        "analytics.fct_user_sequences_daily"
    }
    assert {one["answered_from"] for one in large["series"]} == {"analytics.events"}
    assert small["rows"] == large["rows"]
    counted = [
        (row["event_count"], row["unique(user_id)"])
        for row in small["rows"]
        if row["series"] == "all"
    ]
    # On the second Bob and Kim, and nobody where there is a payment of no user.
    days = [(3, 1), (4, 2), (1, 1), (1, 1)]
    assert counted == {"day": days, "week": [(9, 3)], None: [(9, 3)]}[bucket]


def test_events_without_a_user_are_counted_beside_distinct_users(shop: Client) -> None:
    question = {
        **JANUARY,
        "data": [
            {"name": "all", "unique": ["user_id"]},
            {
                "name": "not kim",
                "filters": [{"type": "ne", "key": "user_id", "value": "kim"}],
                "unique": ["user_id"],
            },
        ],
    }

    rows = shop.post("/query", json=question).json()["rows"]

    assert [(row["event_count"], row["unique(user_id)"]) for row in rows] == [
        (15, 3),
        (11, 2),
    ]


def test_sql_of_an_answer_gives_the_same_rows(asked: Settings, shop: Client) -> None:
    question = {
        **JANUARY,
        "show_sql": True,
        "breakdown": {"keys": ["path"]},
        "data": [
            {
                "name": "failed",
                "filters": [{"type": "gte", "key": "status_code", "value": 500}],
            }
        ],
    }

    (series,) = shop.post("/query", json=question).json()["series"]

    with psycopg.connect(asked.dsn) as connection:
        rows = connection.execute(series["sql"], series["parameters"]).fetchall()
    assert [row[:2] for row in rows] == [("/bar", 1), ("/foo", 1)]


def test_only_partitions_of_the_range_are_read(
    asked: Settings, shop: Client, events: list[Event]
) -> None:
    series = [{"name": "a", "filters": [{"type": "all", "key": "path"}]}]
    question = {**JANUARY, "data": series, "show_sql": True}

    (said,) = shop.post("/query", json=question).json()["series"]

    with psycopg.connect(asked.dsn) as connection:
        plan = connection.execute("explain " + said["sql"], said["parameters"])
        text = "\n".join(line for (line,) in plan)
    assert "events_2025_01" in text
    assert "events_2025_03" not in text


def test_csv_and_parquet_have_the_rows_of_json(shop: Client) -> None:
    question = {
        **JANUARY,
        "bucket": "day",
        "time_zone": "Europe/Berlin",
        "breakdown": {"keys": ["path"]},
        "data": [{"name": "ä", "operations": [{"type": "sum", "key": "amount"}]}],
    }

    rows = shop.post("/query", json=question).json()["rows"]
    csv = shop.post("/query?format=csv", json=question)
    parquet = shop.post(
        "/query", json=question, headers={"accept": "application/vnd.apache.parquet"}
    )

    assert csv.headers["content-type"].startswith("text/csv")
    lines = csv.text.splitlines()
    assert lines[0] == "series,bucket_start,bucket_local,path,event_count,sum(amount)"
    assert lines[1] == "ä,2024-12-31T23:00:00+00:00,2025-01-01T00:00:00,,3,"
    assert len(lines) == len(rows) + 1 == 9
    assert msgspec.json.decode(csv.headers["answer-about"])["is_estimate"] is False
    table = pq.read_table(io.BytesIO(parquet.content)).to_pylist()
    for row, other in zip(rows, table, strict=True):
        assert row["series"] == other["series"]
        assert datetime.fromisoformat(row["bucket_start"]) == other["bucket_start"]
        assert datetime.fromisoformat(row["bucket_local"]) == other["bucket_local"]
        assert row["path"] == other["path"]
        assert row["event_count"] == other["event_count"]
        assert row["sum(amount)"] == other["sum(amount)"]


def test_csv_is_read_back_by_postgres_with_its_nulls_and_empty_texts(
    asked: Settings, happen: Happen, client_of: ClientOf
) -> None:
    words = ["", " ", '"', '""', "a,b", "a\nb", "\r", "\\.", "NULL", "'", "ä"]
    values = [*words, None]
    happen(
        [
            {
                "tenant": "quoted",
                "event_id": str(number),
                "at": "2025-01-01T00:00:00Z",
                **({} if value is None else {"word": value}),
            }
            for number, value in enumerate(values)
        ]
    )
    series = [{"name": "a,b", "operations": [{"type": "sum", "key": "word"}]}]
    question = {**JANUARY, "breakdown": {"keys": ["word"]}, "data": series}

    answer = client_of("quoted").post("/query?format=csv", json=question)

    with psycopg.connect(asked.dsn) as connection:
        connection.execute("create temp table t (s text, w text, n int, total text)")
        with connection.cursor().copy("copy t from stdin (format csv, header)") as copy:
            copy.write(answer.content)
        rows = connection.execute("select * from t").fetchall()
    assert sorted(rows, key=str) == sorted(
        [("a,b", value, 1, None) for value in values], key=str
    )


def test_sessions_are_estimated_only_where_that_is_allowed(
    client_of: ClientOf, events: list[Event]
) -> None:
    question = {
        "start": "2025-03-29",
        "end": "2025-04-01",
        "data": [{"name": "all", "unique": ["session_id"]}],
    }

    exact = client_of("apex").post("/query", json=question).json()
    estimated = (
        client_of("apex").post("/query", json={**question, "estimates": True}).json()
    )

    assert exact["series"][0]["answered_from"] == "analytics.events"
    assert exact["series"][0]["is_estimate"] is False
    assert estimated["series"][0]["answered_from"] == "marts.tenant_events_daily"
    assert estimated["series"][0]["is_estimate"] is True
    assert estimated["series"][0]["standard_error"] == 0.031
    assert estimated["rows"] == exact["rows"]
    assert exact["rows"][0]["unique(session_id)"] == 2


def test_groups_beyond_the_limit_are_left_out_and_said_to_be_there(
    shop: Client,
) -> None:
    question = {
        **JANUARY,
        "breakdown": {"keys": ["event_type"], "limit": 2},
        "data": [{"name": "all"}],
    }

    answer = shop.post("/query", json=question).json()

    assert answer["rows"] == [
        {"series": "all", "event_type": "product_view", "event_count": 5},
        {"series": "all", "event_type": "payment", "event_count": 4},
    ]
    assert answer["series"][0]["group_count"] == 4


def test_answer_that_is_too_large_is_refused_before_it_is_sent(
    happen: Happen, client_of: ClientOf
) -> None:
    # 1,700 groups of 20,000 bytes.
    happen(
        [
            {
                "tenant": "wordy",
                "event_id": str(number),
                "at": "2025-01-01T00:00:00Z",
                **{f"k{n}": f"{number}" + "\N{FIRE}" * 995 for n in range(5)},
            }
            for number in range(1_700)
        ]
    )
    question: dict[str, Any] = {
        **JANUARY,
        "breakdown": {"keys": [f"k{n}" for n in range(5)], "limit": 1_700},
        "data": [{"name": "all"}],
    }

    answer = client_of("wordy").post("/query", json=question)

    assert answer.status_code == 400
    (fault,) = answer.json()["errors"]
    assert fault["field"] == "/data/0"
    assert fault["reason"].startswith("has 1,700 rows with 33,")
    question["breakdown"]["limit"] = 1_000
    assert len(client_of("wordy").post("/query", json=question).json()["rows"]) == 1_000
    # Nor do two series together have more than one may.
    question["data"].append({"name": "again"})
    answer = client_of("wordy").post("/query", json=question)
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["field"]) == (400, "/data/1")


REFUSED = [
    ({"start": "2025-13-01"}, "/start", "is not a valid time"),
    ({"end": "2024-01-01"}, "/end", "is not after start"),
    ({"bucket": "minute", "end": "2026-01-01"}, "/bucket", "makes more than 10,000"),
    (
        {"time_zone": "Europe/Atlantis"},
        "/time_zone",
        "is not a time zone that Postgres",
    ),
    (
        {"start": "0001-01-01", "bucket": "year", "time_zone": "America/New_York"}
        | {"end": "0002-01-01"},
        "/start",
        "is in a bucket that starts before the year 1",
    ),
    ({"time_zone": "CEST-2"}, "/time_zone", "is not the name of a time zone"),
    ({"data": [{"name": "a"}, {"name": "a"}]}, "/data/0/name", "is another series'"),
    ({"breakdown": {"keys": ["event_count"]}}, "/breakdown/keys", "would have two"),
    ({"breakdown": {"keys": ["a", "a"]}}, "/breakdown/keys", "would have two"),
    ({"breakdown": {"keys": ["ts"]}}, "/breakdown/keys/0", "is a time"),
    ({"tenant_id": "zeta"}, "/tenant_id", "is not known here"),
]


@pytest.mark.parametrize(("change", "field", "reason"), REFUSED)
def test_question_without_sense_is_refused_with_the_place_and_the_reason(
    shop: Client, change: dict[str, Any], field: str, reason: str
) -> None:
    answer = shop.post("/query", json={**JANUARY, "data": [{"name": "a"}], **change})

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    fault = answer.json()["errors"][0]
    assert fault["field"] == field
    assert fault["reason"].startswith(reason)


FILTERS = [
    ({"type": "eq", "key": "tenant_id", "value": "zeta"}, "key", "is the caller's"),
    ({"type": "eq", "key": "a..b", "value": "x"}, "key", "has nothing before"),
    ({"type": "regex", "key": "ts", "value": "x"}, "type", "can't be asked of a time"),
    ({"type": "lt", "key": "ts", "value": "soon"}, "value", "is not a time"),
    ({"type": "regex", "key": "a", "value": r"(a)\1"}, "value", "has a back-reference"),
    ({"type": "regex", "key": "a", "value": "(?=a)b"}, "value", "has a look-around"),
    ({"type": "regex", "key": "a", "value": "(?<!a)b"}, "value", "has a look-around"),
    ({"type": "regex", "key": "a", "value": "(?i)b"}, "value", "has a look-around"),
    ({"type": "regex", "key": "a", "value": "***=b"}, "value", "has a look-around"),
    ({"type": "regex", "key": "a", "value": "(a"}, "value", "has a group that is not"),
    ({"type": "regex", "key": "a", "value": "a)"}, "value", "closes a group"),
    ({"type": "regex", "key": "a", "value": "[b-a]"}, "value", "is not a regular"),
    ({"type": "regex", "key": "a", "value": "a**"}, "value", "is not a regular"),
    ({"type": "regex", "key": "a", "value": "((a{99}){99}){9}"}, "value", "repeats"),
    ({"type": "regex", "key": "a", "value": "\\"}, "value", "can't be read from"),
    ({"type": "regex", "key": "a", "value": "a" * 201}, "value", "is longer than 200"),
]


@pytest.mark.parametrize(("one", "member", "reason"), FILTERS)
def test_filter_that_can_not_be_asked_is_refused_with_its_place(
    shop: Client, one: dict[str, Any], member: str, reason: str
) -> None:
    series = {"name": "a", "filters": [{"type": "or", "filters": [one]}]}

    answer = shop.post("/query", json={**JANUARY, "data": [series]})

    assert answer.status_code == 400
    fault = answer.json()["errors"][0]
    assert fault["field"] == f"/data/0/filters/0/filters/0/{member}"
    assert fault["reason"].startswith(reason)


BODIES = [b"", b"{", b"null", b"[]", b"\xff", b'{"start": 1e999}', b"[" * 100_000]


@pytest.mark.parametrize("body", BODIES)
def test_body_that_is_no_question_is_refused(shop: Client, body: bytes) -> None:
    answer = shop.post(
        "/query", content=body, headers={"content-type": "application/json"}
    )

    assert answer.status_code == 400


def test_format_that_there_is_not_is_refused(shop: Client) -> None:
    question = {**JANUARY, "data": [{"name": "a"}]}

    by_name = shop.post("/query?format=xml", json=question)
    by_type = shop.post("/query", json=question, headers={"accept": "image/png"})

    assert by_name.status_code == 400
    assert by_type.status_code == 406


@pytest.mark.parametrize(
    ("query", "field"),
    [("?form=csv", "form"), ("?format=csv&format=csv", "format")],
)
def test_parameter_that_can_not_be_is_refused_by_its_name(
    shop: Client, query: str, field: str
) -> None:
    question = {**JANUARY, "data": [{"name": "a"}]}

    answer = shop.post(f"/query{query}", json=question)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("text/csv;q=0, application/json", "application/json"),
        ("*/*;q=0.1, text/csv", "text/csv; charset=utf-8"),
        ("image/png, text/*; q=0.5", "text/csv; charset=utf-8"),
        ("text/csv;q=0.5, application/vnd.apache.parquet", str(Format.PARQUET)),
        ("", "application/json"),
    ],
)
def test_format_is_what_the_header_likes_best(
    shop: Client, accept: str, answered: str
) -> None:
    question = {**JANUARY, "data": [{"name": "a"}]}

    answer = shop.post("/query", json=question, headers={"accept": accept})

    assert answer.headers["content-type"] == answered


def test_schema_is_served_as_it_checks(shop: Client) -> None:
    answer = shop.get("/query/schema")

    assert answer.headers["content-type"] == "application/schema+json"
    assert answer.json()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert answer.json()["examples"] == examples()
