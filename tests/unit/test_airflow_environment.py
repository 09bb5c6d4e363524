"""What Airflow is told by its environment."""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from event_warehouse.local_airflow.environment import (
    admin_password,
    airflow_environment,
    process_environment,
)
from event_warehouse.settings import Settings, read_settings


class Asked(Mapping[str, str]):
    """An empty environment that remembers what was asked of it."""

    def __init__(self) -> None:
        self.keys_asked: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.keys_asked.add(key)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(
        {
            "WAREHOUSE_HOME": str(tmp_path),
            "WAREHOUSE_DSN": "postgresql://loader@db.example/warehouse",
            "WAREHOUSE_AIRFLOW_PORT": "8081",
        }
    )


def test_tasks_read_the_settings_of_the_command_that_started_airflow(
    settings: Settings,
) -> None:
    assert read_settings(airflow_environment(settings)) == settings


def test_every_setting_reaches_the_tasks(settings: Settings) -> None:
    asked = Asked()
    read_settings(asked)
    assert asked.keys_asked <= airflow_environment(settings).keys()


def test_secrets_are_made_once(settings: Settings) -> None:
    assert airflow_environment(settings) == airflow_environment(settings)
    assert admin_password(settings) == admin_password(settings)


def test_two_installations_have_other_secrets(
    settings: Settings, tmp_path: Path
) -> None:
    other = read_settings({"WAREHOUSE_HOME": str(tmp_path / "other")})
    key = "AIRFLOW__API_AUTH__JWT_SECRET"
    assert airflow_environment(settings)[key] != airflow_environment(other)[key]
    assert admin_password(settings) != admin_password(other)


def test_secrets_are_for_their_owner_only(settings: Settings) -> None:
    airflow_environment(settings)
    files = sorted((settings.home / "airflow").iterdir())
    assert [file.name for file in files] == ["passwords.json", "secrets.json"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_the_metadata_database_is_reached_by_the_embedded_socket(
    settings: Settings,
) -> None:
    environment = airflow_environment(settings)
    address = f"airflow@/airflow?host={settings.home}/run&port=5432"
    for key, driver in (("CONN", "psycopg2"), ("CONN_ASYNC", "psycopg")):
        url = environment[f"AIRFLOW__DATABASE__SQL_ALCHEMY_{key}"]
        assert url == f"postgresql+{driver}://{address}"


def test_a_dollar_in_a_password_is_not_taken_for_a_variable(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "WAREHOUSE_HOME": str(tmp_path),
            "WAREHOUSE_AIRFLOW_DSN": "postgres://airflow:a$HOME@db.example/airflow",
        }
    )
    url = airflow_environment(settings)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert url == "postgresql+psycopg2://airflow:a%24HOME@db.example/airflow"


def test_a_proxy_is_not_asked_for_this_machine(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "intern.example")
    environment = process_environment(settings)
    assert environment["no_proxy"] == "intern.example,127.0.0.1,localhost"
