"""What the overview of the page is made of."""

import psycopg
import pytest

from tests.integration.api.conftest import Api


def test_activity_ends_with_the_newest_hour_and_sums_all_tenants(api: Api) -> None:
    activity = api.get("/stats/activity").json()

    assert activity["end"] == "2025-06-02T11:00:00Z"
    counted = {one["event_hour"]: one["event_count"] for one in activity["events"]}
    # acme 3, globex 2, and one of each of three others.
    assert counted["2025-06-01T10:00:00Z"] == 8
    assert sum(counted.values()) == 12
    assert sum(one["record_count"] for one in activity["arrivals"]) == 14


def test_activity_of_a_tenant_is_its_own_without_files(api: Api) -> None:
    activity = api.get("/stats/activity", api.key("globex")).json()

    assert sum(one["event_count"] for one in activity["events"]) == 3
    assert "arrivals" not in activity


@pytest.mark.parametrize(
    ("path", "members", "tenant"),
    [
        ("/stats", ["feeds"], None),
        ("/stats", [None, None], "globex"),
        ("/stats/activity", ["arrivals", None, "events"], None),
        ("/stats/loads", ["loads"], None),
        ("/stats/rejections", ["rejections"], None),
        ("/stats/rejections", ["rejections"], "globex"),
    ],
)
def test_sql_of_each_part_gives_as_many_rows(
    api: Api, path: str, members: list[str | None], tenant: str | None
) -> None:
    key = api.key(tenant) if tenant else None
    answer = api.get(path, key, show_sql="true").json()

    with psycopg.connect(api.settings.dsn) as connection:
        rows = [
            connection.execute(one["sql"], one["parameters"]).fetchall()
            for one in answer["statements"]
        ]
    assert list(map(len, rows)) == [
        len(answer[name]) if name else 1 for name in members
    ]
    assert "statements" not in api.get(path, key).json()


@pytest.mark.parametrize("path", ["/stats", "/stats/activity", "/stats/rejections"])
def test_parameter_that_is_not_known_is_refused_and_not_passed_over(
    api: Api, path: str
) -> None:
    answer = api.get(path, tenant="acme")

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"field": "tenant", "reason": "is not one of show_sql"}
    ]


def test_loads_are_the_operator_s(api: Api) -> None:
    assert api.get("/stats/loads", api.key("acme")).status_code == 403


def test_loads_say_where_the_records_of_a_file_are(api: Api) -> None:
    answer = api.get("/stats/loads", feed="customer_events", status="balanced").json()

    (load,) = answer["loads"]
    assert answer["next"] is None
    assert load["uri"].endswith("events.csv")
    assert load["record_count"] == 14
    assert load["event_count"] == 12
    assert load["rejected_event_count"] == 2
    assert load["deleted_event_count"] == 0
    assert load["expired_row_count"] is None
    assert load["deleted_row_count"] is None
    assert api.get("/stats/loads", status="failed").json()["loads"] == []
    after = str(load["load_id"])
    assert api.get("/stats/loads", after=after).json()["loads"] == []


@pytest.mark.parametrize(
    "parameters",
    [{"status": "lost"}, {"limit": "x"}, {"after": "-1"}, {"feed": "\0"}, {"a": "b"}],
)
def test_loads_that_make_no_sense_are_refused(
    api: Api, parameters: dict[str, str]
) -> None:
    answer = api.get("/stats/loads", **parameters)

    assert answer.status_code == 400
    assert [one["field"] for one in answer.json()["errors"]] == [*parameters]


def test_rejections_stand_by_reason_with_examples(api: Api) -> None:
    answer = api.get("/stats/rejections").json()
    (rejection,) = answer["rejections"]

    assert answer["is_cut_off"] is False
    assert rejection["kind"] == "event"
    assert rejection["rejected_column"] == "event_time"
    assert rejection["reason"] == "is not ISO 8601"
    assert (rejection["record_count"], rejection["file_count"]) == (2, 1)
    (example,) = rejection["examples"]
    assert (example["text"], example["line_number"]) == ("yesterday", 12)


def test_rejections_of_a_tenant_are_its_own_without_files(api: Api) -> None:
    own = api.get("/stats/rejections", api.key("rejected")).json()["rejections"]

    assert [one["record_count"] for one in own] == [2]
    assert [one["text"] for one in own[0]["examples"]] == ["yesterday", "tomorrow"]
    assert "uri" not in own[0]["examples"][0]
    assert api.get("/stats/rejections", api.key("acme")).json()["rejections"] == []
