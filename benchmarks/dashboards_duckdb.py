"""Answers the dashboards' queries from DuckDB, one JSON line of input per query.

For the comparators' environment: dashboards_duckdb.py <events.csv> <products.csv>
<database>
"""

import json
import sys
import time
from typing import Any

import duckdb  # type: ignore[import-not-found]

TABLES = """
create schema shop;
create table shop.events as
select customer_id as tenant_id, * exclude (customer_id, timestamp),
    timestamp::timestamp as event_time
from read_csv(?, header = true, all_varchar = true);
create table shop.products as
select tenant_id, entity_id, owner, countries
from read_csv(?, header = true, all_varchar = true);
create table shop.made_in as
select tenant_id, entity_id, unnest(string_split(countries, ',')) as country
from shop.products;
"""


def main() -> None:
    """Load, report that, then answer each line `{"query", "values", "runs"}`."""
    events, products, database = sys.argv[1:]
    connection = duckdb.connect(database)
    files = iter((events, products))
    for statement in filter(str.strip, TABLES.split(";")):
        connection.execute(statement, [next(files)] if "?" in statement else [])
    connection.execute("checkpoint")
    print(json.dumps({"version": duckdb.__version__}), flush=True)
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        times = []
        for _ in range(asked["runs"]):
            start = time.perf_counter()
            rows = connection.execute(asked["query"], asked["values"]).fetchall()
            times.append(time.perf_counter() - start)
        print(json.dumps({"seconds": times, "rows": rows}, default=str), flush=True)


if __name__ == "__main__":
    main()
