"""Lines that are rejected are kept, and the others loaded."""

from event_warehouse.load.files import LoadSummary, load_new_files
from event_warehouse.settings import Settings
from tests.fixture_types import Land, Query
from tests.integration.loading import HEADER, ROWS


def test_rejected_lines_are_kept_with_bytes_place_and_reason(
    warehouse: Settings, land: Land, query: Query
) -> None:
    content = (
        HEADER.encode()
        + b"1,visit,a,2025-01-01T10:00:00Z\n"
        + b"1,visit\r\n"
        + b"\n"
        + b"1,vi\0sit,b,now\n"
        + b"1,visit,\xff,now\n"
        + b'1,visit,"c,now\n'
        + b"2,visit,d,2025-01-01T10:00:00Z"
    )
    land(warehouse, "customer_events/a.csv", content)

    assert load_new_files(warehouse) == LoadSummary(loaded=1, rows=2, rejected_lines=4)

    rejected = query(
        warehouse,
        """
        select line_number, reason, line, byte_count
        from raw.rejected_lines order by line_number
        """,
    )
    assert rejected == [
        (3, "has 2 fields, the header 4", b"1,visit", 7),
        (5, "holds a NUL byte", b"1,vi\0sit,b,now", 14),
        (6, "is not UTF-8", b"1,visit,\xff,now", 13),
        (7, "opens a quote that is never closed", b'1,visit,"c,now', 14),
    ]
    assert [row[0] for row in query(warehouse, ROWS)] == [2, 8]
    counts = "select record_count, row_count, rejected_line_count from raw.loads"
    assert query(warehouse, counts) == [(6, 2, 4)]


def test_rejected_json_lines_are_kept_and_the_others_loaded(
    warehouse: Settings, land: Land, query: Query
) -> None:
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    lines = [b'{"id":"1"}', b'{"id":"\\u0000"}', b"[1]", b'{"id":"\\ud800"}', deep]
    land(warehouse, "gharchive/a.json", b"\n".join([*lines, b'{"id":"2"}']))

    assert load_new_files(warehouse) == LoadSummary(loaded=1, rows=2, rejected_lines=4)

    kept = query(
        warehouse,
        "select line_number, line from raw.rejected_lines order by line_number",
    )
    assert kept == list(enumerate(lines, 1))[1:]


def test_more_rejected_lines_than_fit_in_memory_are_kept_in_their_order(
    warehouse: Settings, land: Land, query: Query
) -> None:
    good, bad = "1,visit,a,now\n", "x" * 900_000 + "\n"
    land(warehouse, "customer_events/a.csv", HEADER + (good + bad) * 12 + good)

    assert load_new_files(warehouse) == LoadSummary(
        loaded=1, rows=13, rejected_lines=12
    )
    numbers = query(
        warehouse,
        """
        select array_agg(line_number order by line_number), sum(length(line))
        from raw.rejected_lines
        """,
    )
    assert numbers == [(list(range(3, 27, 2)), 12 * 900_000)]
    assert [row[0] for row in query(warehouse, ROWS)] == list(range(2, 27, 2))


def test_line_over_the_limit_is_rejected_and_the_next_is_loaded(
    warehouse: Settings, land: Land, query: Query
) -> None:
    giant = "1,visit," + "x" * (17 * 1024 * 1024) + ",now\n"
    land(warehouse, "customer_events/a.csv", HEADER + giant + "1,visit,b,now\n")

    assert load_new_files(warehouse) == LoadSummary(loaded=1, rows=1, rejected_lines=1)
    assert query(
        warehouse,
        "select line_number, length(line), byte_count from raw.rejected_lines",
    ) == [(2, 1024 * 1024, len(giant) - 1)]
    assert [row[0] for row in query(warehouse, ROWS)] == [3]
