"""What dbt by itself finds ready where a server is named."""

import psycopg
import pytest
from dbt_common.exceptions import DbtRuntimeError

from dbt_event_warehouse import ReadyWarehouse

IS_MIGRATED = "select to_regclass('ledger.models') is not null"


def is_migrated(dsn: str) -> bool:
    with psycopg.connect(dsn) as connection:
        return connection.execute(IS_MIGRATED).fetchone() == (True,)


def test_server_that_is_named_is_migrated_before_dbt_connects(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_DSN", empty_dsn)

    ReadyWarehouse("event_warehouse")

    assert is_migrated(empty_dsn)


def test_another_project_s_dbt_is_left_alone(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_DSN", empty_dsn)

    ReadyWarehouse("another_project")

    assert not is_migrated(empty_dsn)


def test_server_that_the_profile_would_misread_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WAREHOUSE_DSN", "postgresql://ada@[::1]/events")

    with pytest.raises(DbtRuntimeError, match="WAREHOUSE_DSN has an IPv6 address"):
        ReadyWarehouse("event_warehouse")
