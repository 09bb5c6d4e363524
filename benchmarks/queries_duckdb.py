"""Answers ad-hoc questions from DuckDB, one JSON line of input per question.

For the comparators' environment: queries_duckdb.py <events.csv> <database>
"""

import json
import sys
import time
from typing import Any

import duckdb  # type: ignore[import-not-found]

ATTRIBUTES = ("path", "status_code", "amount", "item_colour_id")
TABLES = f"""
create table as_columns as
select customer_id as tenant_id, * exclude (customer_id, timestamp),
    timestamp::timestamp as event_time
from read_csv(?, header = true, all_varchar = true);
create table as_json as
select * exclude ({", ".join(ATTRIBUTES)}),
    json_merge_patch('{{}}', to_json(struct_pack({
    ", ".join(f"{name} := {name}" for name in ATTRIBUTES)
}))) as attributes
from as_columns;
"""
PLACES = {
    "as_columns": {name: name for name in ATTRIBUTES},
    "as_json": {name: f"(attributes ->> '{name}')" for name in ATTRIBUTES},
}


def main() -> None:
    """Load, report that, then answer lines `{"table", "query", "values", "runs"}`."""
    events, database = sys.argv[1:]
    connection = duckdb.connect(database)
    for statement in filter(str.strip, TABLES.split(";")):
        connection.execute(statement, [events] if "?" in statement else [])
    connection.execute("checkpoint")
    print(json.dumps({"version": duckdb.__version__}), flush=True)
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        query = asked["query"].format(**PLACES[asked["table"]])
        query = query.replace("from visits", f"from {asked['table']}")
        times = []
        for _ in range(asked["runs"]):
            start = time.perf_counter()
            rows = connection.execute(query, asked["values"]).fetchall()
            times.append(time.perf_counter() - start)
        print(json.dumps({"seconds": times, "rows": rows}, default=str), flush=True)


if __name__ == "__main__":
    main()
