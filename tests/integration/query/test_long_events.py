"""GET /events of events whose attributes are long."""

from typing import Any

from tests.integration.query.conftest import Client, ClientOf, Happen

MEBIBYTE = 1024 * 1024
JANUARY = {"start": "2025-01-01", "end": "2025-02-01"}


def pages_of(client: Client, **parameters: str) -> list[list[dict[str, Any]]]:
    """All events, page by page."""
    pages: list[list[dict[str, Any]]] = []
    after: dict[str, str] = {}
    while True:
        answer = client.get("/events", params={**JANUARY, **parameters, **after})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        pages.append(page["events"])
        if page["next"] is None:
            return pages
        after = {"after": page["next"]}


def test_page_ends_early_where_attributes_are_long_and_one_s_are_left_out(
    happen: Happen, client_of: ClientOf
) -> None:
    # Ten of 999,000 bytes, of which eight fit a page; the third is over a mebibyte.
    lengths = [999_000 - len('{"text": ""}')] * 10
    lengths[2] = MEBIBYTE - len('{"text": ""}') + 1
    happen(
        [
            {
                "tenant": "long",
                "event_id": f"{number}",
                "at": f"2025-01-{30 - number}T00:00:00Z",
                "text": "x" * length,
            }
            for number, length in enumerate(lengths)
        ]
        + [{"tenant": "long", "event_id": "none", "at": "2025-01-01T00:00:00Z"}]
    )

    pages = pages_of(client_of("long"))

    told = [
        [(one["event_id"], one["attribute_bytes"]) for one in page] for page in pages
    ]
    assert told == [
        [
            ("0", 999_000),
            ("1", 999_000),
            ("2", MEBIBYTE + 1),
            *((str(number), 999_000) for number in range(3, 9)),
        ],
        [("9", 999_000), ("none", None)],
    ]
    left_out, whole = pages[0][2], pages[0][3]
    assert left_out["attributes"] is None
    assert whole["attributes"] == {"text": "x" * lengths[3]}
    assert [len(page) for page in pages_of(client_of("long"), limit="3")] == [
        3,
        3,
        3,
        2,
    ]
