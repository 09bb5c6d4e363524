"""`GET /keys` and `GET /keys/{key}/values`, asked over HTTP."""

import pytest

from tests.integration.query.conftest import Client, ClientOf, Happen


@pytest.fixture(scope="session")
def garden(happen: Happen, client_of: ClientOf) -> Client:
    plants = ["rose", "rose", "rhubarb", "tulip"]
    happen(
        [
            {
                "tenant": "garden",
                "event_id": str(number),
                "at": "2025-01-01T00:00:00Z",
                "event_type": "seen" if number % 2 else "watered",
                "plant": {"name": plant, "tags": ["a", "b"]},
                "user_id": "ada",
                "country": {"nested": "as an object"},
                "a/b": "x",
            }
            for number, plant in enumerate(plants)
        ]
    )
    return client_of("garden")


def test_keys_are_listed_by_events_then_by_name(garden: Client) -> None:
    answer = garden.get("/keys").json()

    assert [(one["key"], one["event_count"]) for one in answer["keys"]] == [
        ("a/b", 4),
        ("country", 4),
        ("event_type", 4),
        ("plant.name", 4),
        ("user_id", 4),
    ]
    assert answer["is_cut_off"] is False


def test_keys_are_listed_by_prefix_and_event_type(garden: Client) -> None:
    answer = garden.get("/keys", params={"prefix": "pl", "event_type": "seen"}).json()

    assert answer["keys"] == [{"key": "plant.name", "event_count": 2}]


def test_values_are_listed_by_prefix_and_limit(garden: Client) -> None:
    first = garden.get("/keys/plant.name/values", params={"limit": 1}).json()
    begun = garden.get("/keys/plant.name/values", params={"prefix": "r"}).json()
    seen = garden.get("/keys/plant.name/values?event_type=seen").json()

    assert first["values"] == [{"value": "rose", "event_count": 2}]
    assert first["is_cut_off"] is True
    assert begun["values"] == [
        {"value": "rose", "event_count": 2},
        {"value": "rhubarb", "event_count": 1},
    ]
    assert begun["is_cut_off"] is False
    assert seen["values"] == [
        {"value": "rose", "event_count": 1},
        {"value": "tulip", "event_count": 1},
    ]
    assert seen["has_all_values"] is True
    assert seen["values_kept"] == 1_000


def test_key_is_found_by_the_name_it_is_posted_with(garden: Client) -> None:
    answer = garden.get("/keys/event_tag/values").json()

    assert {one["value"] for one in answer["values"]} == {"seen", "watered"}


def test_users_entities_and_devices_are_listed_by_name(garden: Client) -> None:
    users = garden.get("/keys/user_id/values", params={"prefix": "a"}).json()
    devices = garden.get("/keys/device_id/values").json()
    refused = garden.get("/keys/user_id/values?event_type=seen")

    assert users["values"] == [{"value": "ada", "event_count": None}]
    assert users["has_all_values"] is True
    assert devices["values"] == []
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "event_type"


def test_key_with_a_slash_is_found(garden: Client) -> None:
    answer = garden.get("/keys/a/b/values").json()

    assert answer["values"] == [{"value": "x", "event_count": 4}]


def test_key_is_read_as_that_of_a_question(garden: Client) -> None:
    answer = garden.get("/keys/attributes.plant.name/values").json()
    refused = [
        garden.get(f"/keys/{key}/values").json()["errors"][0]["field"]
        for key in ("tenant_id", "a..b", "")
    ]

    assert {one["value"] for one in answer["values"]} == {
        "rhubarb",
        "rose",
        "tulip",
    }
    assert refused == ["key", "key", "key"]


def test_field_whose_values_are_not_kept_does_not_say_that_it_has_none(
    garden: Client,
) -> None:
    answer = garden.get("/keys/received_at/values").json()

    assert answer["values"] == []
    assert answer["has_all_values"] is False


def test_unknown_key_has_no_values(garden: Client) -> None:
    answer = garden.get("/keys/nobody/values").json()

    assert answer["values"] == []
    assert answer["has_all_values"] is True


def test_listing_says_when_a_key_has_more_values_than_are_kept(
    happen: Happen, client_of: ClientOf
) -> None:
    happen(
        [
            {
                "tenant": "busy",
                "event_id": str(number),
                "at": "2025-01-01T00:00:00Z",
                "request": f"r{number}",
            }
            for number in range(1_001)
        ]
    )

    answer = client_of("busy").get("/keys/request/values?limit=1000").json()

    assert len(answer["values"]) == 1_000
    assert answer["is_cut_off"] is False
    assert answer["has_all_values"] is False


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=" + "9" * 5_000, "limit"),
        ("prefix=a&prefix=b", "prefix"),
        ("prefix=%00", "prefix"),
        ("prefix=" + "a" * 1_001, "prefix"),
        ("tenant_id=zeta", "tenant_id"),
    ],
)
@pytest.mark.parametrize("path", ["/keys", "/keys/plant.name/values"])
def test_wrong_parameter_is_refused_by_name(
    garden: Client, path: str, query: str, field: str
) -> None:
    answer = garden.get(f"{path}?{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
