"""Questions made by chance, all of which have an answer."""

from typing import Any

from hypothesis import strategies as st

STARTS = [
    "2025-03-29",
    "2025-03-29T00:00:00+01:00",
    "2025-03-29T12:05",
    "2025-03-30T00:30:00.25Z",
    1743206400000,
]
ENDS = [
    "2025-04-01",
    "2025-03-31T02:00:00+02:00",
    "2025-03-31T22:55:00Z",
    "2025-03-31T01:00:00.000001Z",
    "2026-01-01",
]
BUCKET_KEYS = ["event_type", "event_tag", "country", "browser"]
FACT_KEYS = ["event_type", "user_id", "entity_id"]
ATTRIBUTES: list[Any] = [
    "price",
    "path",
    "status",
    "actor.login",
    "actor.roles.0",
    ["actor", "first.name"],
    "actor",
    "attributes.event_count",
    "attributes.country",
    "nothing",
]
NOTHING: list[Any] = []
OTHER_KEYS = ["session_id", "platform", "service", "sample_rate", "samplerate"]
TEXTS = [
    "view", "Buy", "DE", "Österreich", "it's", "ada", "10", "9", "p1", "d2", "2.5",
    "/foo", "50%_off", "C:\\", "%", "", "true", "2", "'; drop table x --",
]  # fmt: skip
NUMBERS = [1, 2.5, 10, -3, 404, 0.1, 1e20]
TIMES = ["2025-03-29T12:00:00Z", "2025-03-30", 1743292800000]
REGEXES = ["5..", "^/foo", "a$", "[Bb]uy", "(?:ad|b)[ao]", r"^\d+$", "e{1,2}", r"\\"]


def keys(pool: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(pool)


def leaves(pool: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    key = keys(pool)
    value = st.one_of(st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.booleans())
    return st.one_of(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["all", "exists", "not_exists"]), "key": key}
        ),
        st.fixed_dictionaries(
            {"type": st.sampled_from(["eq", "ne"]), "key": key, "value": value}
        ),
        st.fixed_dictionaries(
            {
                "type": st.sampled_from(["in", "not_in"]),
                "key": key,
                "values": st.lists(value, min_size=1, max_size=4),
            }
        ),
        st.fixed_dictionaries(
            {
                "type": st.sampled_from(["lt", "lte", "gt", "gte"]),
                "key": key,
                "value": st.one_of(st.sampled_from(TEXTS), st.sampled_from(NUMBERS)),
            }
        ),
        st.fixed_dictionaries(
            {
                "type": st.sampled_from(["prefix", "contains"]),
                "key": key,
                "value": st.sampled_from([text for text in TEXTS if text]),
            }
        ),
        st.fixed_dictionaries(
            {
                "type": st.just("regex"),
                "key": key,
                "value": st.sampled_from(REGEXES),
            }
        ),
    )


ON_TIME = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte"]),
        "key": st.sampled_from(["event_time", "ts"]),
        "value": st.sampled_from(TIMES),
    }
)


def filters(pool: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    leaf = leaves(pool)
    if len(pool) > 10:
        leaf = st.one_of(leaf, leaf, leaf, ON_TIME)
    return st.recursive(
        leaf,
        lambda inner: st.fixed_dictionaries(
            {
                "type": st.sampled_from(["and", "or"]),
                "filters": st.lists(inner, min_size=1, max_size=3),
            }
        ),
        max_leaves=4,
    )


def operations(pool: list[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    named = [key for key in pool if isinstance(key, str)]
    unique = st.fixed_dictionaries(
        {
            "type": st.just("unique"),
            "keys": st.lists(keys(named), min_size=1, max_size=2, unique=True),
        }
    )
    if len(pool) <= 10:
        return st.lists(unique, max_size=2)
    sums = st.fixed_dictionaries(
        {"type": st.just("sum"), "key": st.sampled_from(["price", "status"])}
    )
    return st.lists(st.one_of(unique, sums, st.just({"type": "count"})), max_size=3)


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    pool = draw(
        st.sampled_from(
            [
                NOTHING,
                BUCKET_KEYS,
                FACT_KEYS,
                ["device_id"],
                ["user_id"],
                [*BUCKET_KEYS, *FACT_KEYS, *OTHER_KEYS, *ATTRIBUTES],
            ]
        )
    )
    question: dict[str, Any] = {
        "start": draw(st.sampled_from(STARTS)),
        "end": draw(st.sampled_from(ENDS)),
        "weighted": draw(st.booleans()),
        "data": [],
    }
    for number in range(draw(st.integers(1, 2))):
        series: dict[str, Any] = {"name": f"series {number}"}
        if pool:
            series["filters"] = draw(st.lists(filters(pool), max_size=3))
            series["operations"] = draw(operations(pool))
            if draw(st.booleans()):
                series["keys"] = draw(st.lists(keys(pool), min_size=1, max_size=1))
        question["data"].append(series)
    if draw(st.booleans()):
        question["bucket"] = draw(
            st.sampled_from(
                [
                    "minute",
                    "5 minutes",
                    "15 minutes",
                    "hour",
                    "day",
                    "week",
                    "month",
                    "quarter",
                    "year",
                ]
            )
        )
        question["time_zone"] = draw(
            st.sampled_from(
                ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"]
            )
        )
        if "minute" in question["bucket"] and question["end"] == "2026-01-01":
            question["end"] = "2025-04-01"
    named = [key for key in pool if isinstance(key, str)]
    if draw(st.booleans()) and named:
        question["breakdown"] = {
            "keys": draw(st.lists(keys(named), min_size=1, max_size=2, unique=True)),
            "limit": draw(st.sampled_from([1, 2, 100])),
        }
    return question
