"""dbt's profile reads a DSN as libpq does, which the rest of the warehouse uses."""

from typing import Any

import pytest
import yaml
from dbt.config.renderer import ProfileRenderer
from dbt_common.context import set_invocation_context
from psycopg.conninfo import conninfo_to_dict

from event_warehouse.settings import PROJECT, read_settings

PROFILE = yaml.safe_load((PROJECT / "dbt_project" / "profiles.yml").read_text())
TARGET = PROFILE["event_warehouse"]["outputs"]["warehouse"]


def read_profile(**environment: str) -> dict[str, Any]:
    """The connection that dbt makes of an environment."""
    set_invocation_context({"PWD": "/srv/project/dbt_project", **environment})
    connection: dict[str, Any] = ProfileRenderer({}).render_data(TARGET)
    return connection


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://ada@db/events",
        "postgres://ada:secret@db.example:5433/events?sslmode=require",
        "postgresql://ad%C3%A9:%40%3A%2F%22%5C%25@db/ev%20ents",
        "postgresql://ada:a:b$'*@db/events",
        "postgresql://12:34@56/78",
        "postgresql://ada@/events?host=%2Fvar%2Frun%2Fpost%20gres",
        "postgresql://ada@/events?host=/var/run&port=5544",
        "postgresql://ada:77x@db/events",
        "postgresql://ada:a&host=b&port=1&sslmode=c@db/events",
        "postgresql://ada:%7B%7B%20this%20%7D%7D@db/events",
    ],
)
def test_dsn_means_to_dbt_what_it_means_to_libpq(dsn: str) -> None:
    assert read_settings({"WAREHOUSE_DSN": dsn}).dsn == dsn
    libpq = {"port": "5432", "password": "", "sslmode": "prefer"}
    libpq |= {key: str(value) for key, value in conninfo_to_dict(dsn).items()}

    profile = read_profile(WAREHOUSE_DSN=dsn)

    assert {key: str(profile[key]) for key in libpq} == libpq


def test_without_a_dsn_it_is_the_socket_below_the_project() -> None:
    profile = read_profile()

    below_either = "/srv/project/dbt_project/../.warehouse/run"
    assert profile["host"].split(",")[0] == below_either
    assert (profile["user"], profile["dbname"]) == ("warehouse", "warehouse")


@pytest.mark.parametrize(
    ("home", "folder"),
    [
        ("/srv/my %home", "/srv/my %home/run"),
        ("../w", "/srv/project/dbt_project/../w/run"),
    ],
)
def test_socket_below_a_home_of_its_own_is_found_as_it_is_named(
    home: str, folder: str
) -> None:
    profile = read_profile(WAREHOUSE_HOME=home, WAREHOUSE_PORT="5544")

    assert (profile["host"], profile["port"]) == (folder, 5544)
