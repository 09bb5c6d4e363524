from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from event_warehouse.errors import SettingError
from event_warehouse.settings import PROJECT, read_settings


def test_empty_environment_means_the_embedded_postgres_in_the_project() -> None:
    settings = read_settings({})

    assert settings.home == PROJECT / ".warehouse"
    assert settings.landing == PROJECT / ".warehouse" / "landing"
    assert settings.feeds == PROJECT / "feeds.yml"
    assert settings.external_dsn is None
    assert settings.port is None
    assert settings.settle_seconds == 5.0
    assert settings.dsn == (
        f"postgresql://warehouse@/warehouse?host={PROJECT}/.warehouse/run&port=5432"
    )


def test_empty_value_means_the_default() -> None:
    keys = ["HOME", "LANDING", "FEEDS", "DSN", "PORT", "AIRFLOW_PORT", "SETTLE_SECONDS"]

    assert read_settings({f"WAREHOUSE_{key}": "" for key in keys}) == read_settings({})


@pytest.mark.parametrize(
    ("tenant", "reason"),
    [
        ("ä" * 501, "is longer than 1,000 bytes"),
        # As Python has bytes of the environment that are no UTF-8.
        ("\udcff", "is not UTF-8"),
    ],
)
def test_tenant_that_no_event_can_have_is_refused(tenant: str, reason: str) -> None:
    with pytest.raises(SettingError, match=f"^WAREHOUSE_API_TENANT {reason}"):
        read_settings({"WAREHOUSE_API_TENANT": tenant})
    assert read_settings({"WAREHOUSE_API_TENANT": "ä" * 500}).api_tenant == "ä" * 500


def test_landing_folder_follows_the_home() -> None:
    settings = read_settings({"WAREHOUSE_HOME": "/srv/events"})

    assert settings.landing == Path("/srv/events/landing")
    assert settings.socket_folder == Path("/srv/events/run")


def test_landing_folder_of_its_own_leaves_the_home() -> None:
    settings = read_settings(
        {"WAREHOUSE_HOME": "/srv/events", "WAREHOUSE_LANDING": "/mnt/drop"}
    )

    assert settings.landing == Path("/mnt/drop")


def test_relative_folder_starts_at_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert read_settings({"WAREHOUSE_HOME": "w"}).home == tmp_path.resolve() / "w"


def test_tilde_is_the_user_s_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")

    assert read_settings({"WAREHOUSE_HOME": "~/w"}).home == Path("/home/ada/w")


def test_dsn_of_a_server_replaces_the_embedded_one() -> None:
    settings = read_settings({"WAREHOUSE_DSN": "postgres://ada@db:5433/events"})

    assert settings.dsn == "postgres://ada@db:5433/events"
    assert settings.airflow_dsn.startswith("postgresql://airflow@/airflow?host=")


def test_airflow_s_dsn_is_apart_from_the_warehouse_s() -> None:
    settings = read_settings({"WAREHOUSE_AIRFLOW_DSN": "postgresql://db/airflow"})

    assert settings.airflow_dsn == "postgresql://db/airflow"
    assert settings.external_dsn is None


def test_folder_that_a_uri_can_t_have_as_it_is_reaches_libpq_whole() -> None:
    settings = read_settings({"WAREHOUSE_HOME": "/srv/my %home&port=1#é"})

    read = conninfo_to_dict(settings.dsn)

    assert read["host"] == "/srv/my %home&port=1#é/run"
    assert read["port"] == "5432"


def test_port_is_part_of_the_embedded_dsn() -> None:
    assert read_settings({"WAREHOUSE_PORT": "5544"}).dsn.endswith("&port=5544")


@pytest.mark.parametrize("text", ["0", "65536", "-1", "+80", "5432.0", "http", " 80"])
@pytest.mark.parametrize("key", ["WAREHOUSE_PORT", "WAREHOUSE_AIRFLOW_PORT"])
def test_port_out_of_range_is_refused_by_key_and_value(key: str, text: str) -> None:
    with pytest.raises(SettingError) as refused:
        read_settings({key: text})

    assert str(refused.value) == f"{key} is {text!r}; it must be a port, 1 to 65535"


@pytest.mark.parametrize("text", ["1", "65535"])
def test_port_at_the_edge_of_the_range_is_taken(text: str) -> None:
    assert read_settings({"WAREHOUSE_PORT": text}).port == int(text)


@pytest.mark.parametrize("text", ["-1", "soon", "inf", "nan", "1e999"])
def test_settle_time_that_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(SettingError) as refused:
        read_settings({"WAREHOUSE_SETTLE_SECONDS": text})

    assert f"WAREHOUSE_SETTLE_SECONDS is {text!r}" in str(refused.value)


def test_settle_time_of_zero_is_taken() -> None:
    assert read_settings({"WAREHOUSE_SETTLE_SECONDS": "0"}).settle_seconds == 0


@pytest.mark.parametrize(
    "dsn", ["mysql://db/events", "host=db dbname=events", "db:5432/events"]
)
@pytest.mark.parametrize("key", ["WAREHOUSE_DSN", "WAREHOUSE_AIRFLOW_DSN"])
def test_dsn_of_another_kind_is_refused_by_key(key: str, dsn: str) -> None:
    with pytest.raises(SettingError, match=f"^{key} is not a URI"):
        read_settings({key: dsn})


@pytest.mark.parametrize(
    ("dsn", "message"),
    [
        ("postgresql://ada@[::1]:5432/events", "has an IPv6 address, which dbt can't"),
        ("postgresql://ada@[::1/events", "has an IPv6 address, which dbt can't"),
        ("postgresql://ada:p@ss@db/events", "has characters that a URI may have as %"),
        ('postgresql://ada:p"s@db/events', "has characters that a URI may have as %"),
        ("postgresql://adé@db/events", "has characters that a URI may have as %"),
        ("postgresql://ada@db/ev ents", "has characters that a URI may have as %"),
        ("postgresql://db/events?user=ada", "may have the parameters host, port and"),
        ("postgresql://ada@db/e?sslcert=a", "may have the parameters host, port and"),
        ("postgresql://ada@db/e?%68ost=a", "may have the parameters host, port and"),
        ("postgresql://ada@/e?host=a&host=b", "may have the parameters host, port and"),
        ("postgresql://ada@a:1,b:2/events", "has a port that is not one number"),
        ("postgresql://ada@db:http/events", "has a port that is not one number"),
        ("postgresql://ada@db/events?port=a", "has a port that is not one number"),
        ("postgresql://db/events", "does not name a user, a host and a database"),
        ("postgresql://ada@/events", "does not name a user, a host and a database"),
        ("postgresql://ada@db", "does not name a user, a host and a database"),
        ("postgresql://ada:a/b@db/e", "has a port that is not one number"),
    ],
)
def test_dsn_that_dbt_would_read_otherwise_is_refused_by_its_reason(
    dsn: str, message: str
) -> None:
    with pytest.raises(SettingError, match=f"^WAREHOUSE_DSN {message}") as refused:
        read_settings({"WAREHOUSE_DSN": dsn})

    assert dsn not in str(refused.value)


def test_dsn_of_airflow_is_for_libpq_alone() -> None:
    dsn = "postgresql://airflow@[::1]/airflow?connect_timeout=5"

    assert read_settings({"WAREHOUSE_AIRFLOW_DSN": dsn}).airflow_dsn == dsn


def test_refused_dsn_is_not_repeated_for_it_may_hold_a_password() -> None:
    with pytest.raises(SettingError) as refused:
        read_settings({"WAREHOUSE_DSN": "mysql://ada:s3cret@db/events"})

    assert "s3cret" not in str(refused.value)
