"""Makes sessions and retention in DuckDB, once for each line of input.

For the comparators' environment: sessions_duckdb.py <events.csv> <statements.json>
<database>. The statements are `load`, a list to `make` all, and `queries` by name.
"""

import json
import sys
import time
from pathlib import Path

import duckdb  # type: ignore[import-not-found]


def main() -> None:
    """Load and report that; then make them, and report the time and the result."""
    events, file, database = sys.argv[1:]
    statements = json.loads(Path(file).read_text())
    connection = duckdb.connect(database)
    connection.execute(statements["load"], [events])
    connection.execute("checkpoint")
    print(json.dumps({"version": duckdb.__version__}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for statement in statements["make"]:
            connection.execute(statement)
        connection.execute("checkpoint")
        seconds = time.perf_counter() - start
        rows = {
            name: connection.execute(query).fetchall()
            for name, query in statements["queries"].items()
        }
        print(json.dumps({"seconds": seconds, "rows": rows}, default=str), flush=True)


if __name__ == "__main__":
    main()
