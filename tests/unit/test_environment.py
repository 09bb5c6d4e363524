"""The tests themselves are safe to run wherever somebody works."""

import json
import os
import subprocess
import sys

from event_warehouse.settings import PROJECT

IMPORT = "import json, os, tests.conftest; print(json.dumps(dict(os.environ)))"


def test_what_the_caller_s_environment_names_is_out_of_the_tests_reach() -> None:
    callers = {
        "WAREHOUSE_DSN": "postgresql://ada:secret@db.example/events",
        "WAREHOUSE_LANDING": "/mnt/drop",
        "AIRFLOW_HOME": "/srv/airflow",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://db.example/airflow",
        "WAREHOUSE_TEST_KILLS": "200",
    }
    imported = subprocess.run(
        [sys.executable, "-c", IMPORT],
        cwd=PROJECT,
        env={**os.environ, **callers, "PYTHONPATH": "plugins"},
        capture_output=True,
        check=True,
    )

    left = json.loads(imported.stdout)
    assert callers.items() & left.items() == {("WAREHOUSE_TEST_KILLS", "200")}
    assert not [key for key in left if key.startswith("AIRFLOW")]
