"""`warehouse keys` and `warehouse roles`, called as a person calls them."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from event_warehouse.access.key_file import key_file, read_keys
from event_warehouse.access.keys import Scope
from event_warehouse.settings import Settings

WAREHOUSE = Path(sys.executable).with_name("warehouse")


def run(settings: Settings, *arguments: str, piped: str = "") -> tuple[int, str]:
    """The exit code and all that was printed."""
    finished = subprocess.run(
        [WAREHOUSE, *arguments],
        env={
            "PATH": os.environ["PATH"],
            "WAREHOUSE_HOME": str(settings.home),
            "WAREHOUSE_DSN": settings.dsn,
        },
        input=piped,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return finished.returncode, finished.stdout


def test_key_is_shown_once_listed_without_its_secret_and_revoked(
    warehouse: Settings,
) -> None:
    code, key = run(
        warehouse,
        *[
            "keys",
            "create",
            "--tenant",
            "acme",
            "--scope",
            "query:read",
            "--for",
            "shop",
        ],
    )
    assert code == 0
    _, key_id, secret = key.strip().split("_", 2)
    (known,) = read_keys(key_file(warehouse.home))
    assert (known.key_id, known.tenant) == (key_id, "acme")
    assert known.scopes == {Scope.QUERY_READ}

    _, listed = run(warehouse, "keys", "list")
    assert secret not in listed
    (line,) = [one for one in listed.splitlines() if key_id in one]
    assert line.split()[:4] == [key_id, "acme", "query:read", "good"]

    assert run(warehouse, "keys", "revoke", key_id)[0] == 0
    assert read_keys(key_file(warehouse.home)) == []
    assert " revoked " in run(warehouse, "keys", "list")[1]


def test_key_that_nobody_made_can_not_be_revoked(warehouse: Settings) -> None:
    code, output = run(warehouse, "keys", "revoke", "nobody")

    assert code == 1
    assert output.startswith("warehouse: there is no key 'nobody'")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--scope", "everything"], "'everything' is not one of"),
        (["--days", "0"], "0 is not in the range"),
        (["--tenant", ""], "the tenant's name is empty"),
        (["--tenant", "x" * 1001], "the tenant's name is longer than 1,000 bytes"),
    ],
)
def test_key_that_can_not_be_is_not_made(
    warehouse: Settings, arguments: list[str], reason: str
) -> None:
    code, output = run(warehouse, "keys", "create", *arguments)

    assert code != 0
    assert reason in output
    with psycopg.connect(warehouse.dsn) as connection:
        assert connection.execute("select from access.keys").rowcount == 0


def test_roles_are_told_from_the_catalogue(warehouse: Settings) -> None:
    _, role = run(warehouse, "roles", "create-tenant", "acme")
    with psycopg.connect(warehouse.dsn) as connection:
        connection.execute("grant select on raw.loads to warehouse_reader")
        connection.execute("grant usage on schema raw to warehouse_reader")

    code, output = run(warehouse, "roles")

    assert code == 0, output
    rows = {line.split()[0]: line for line in output.splitlines() if line.split()}
    assert "acme" in rows[role.strip()]
    assert "10 sessions" in rows[role.strip()]
    assert "raw 1/" in rows["warehouse_reader"]
    assert " yes " in rows["warehouse_service"]
    assert " no " in rows["warehouse_tenant"]


def test_password_is_piped_in_and_not_an_argument(warehouse: Settings) -> None:
    refused = run(warehouse, "roles", "create-reader", "bi_piped", piped="short\n")
    assert "a password has at least 12 characters" in refused[1]

    code, output = run(
        warehouse, "roles", "create-reader", "bi_piped", piped="long enough it is\n"
    )
    try:
        assert (code, output) == (
            0,
            "bi_piped signs in with that password and reads the marts\n",
        )
        with psycopg.connect(warehouse.dsn) as connection:
            rows = connection.execute(
                "select rolcanlogin, pg_has_role(oid, 'warehouse_reader', 'usage')"
                " from pg_roles where rolname = 'bi_piped'"
            ).fetchall()
        assert rows == [(True, True)]
    finally:
        with psycopg.connect(warehouse.dsn) as connection:
            connection.execute("drop role bi_piped")
