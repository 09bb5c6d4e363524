"""The settings, read once from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from event_warehouse.errors import SettingError

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Settings:
    """Everything that may differ between two installations."""

    home: Path
    """Local state: the embedded Postgres, Airflow's home, the sample, logs."""
    landing: Path
    """Where the feeds' files arrive, one folder a feed."""
    feeds: Path
    """The file that declares the feeds."""
    external_dsn: str | None
    """URI of a Postgres server; none means the embedded one under `home`."""
    port: int | None
    """TCP port of the embedded Postgres on 127.0.0.1; none means socket only."""
    airflow_port: int
    """Port of Airflow's UI and API."""
    external_airflow_dsn: str | None
    """URI of Airflow's metadata database; none means the embedded Postgres's."""
    settle_seconds: float
    """A landing file that changed more recently is taken to be still written."""

    @property
    def socket_folder(self) -> Path:
        """Where the embedded Postgres has its socket."""
        return self.home / "run"

    @property
    def dsn(self) -> str:
        """URI of the warehouse database, for any libpq client."""
        return self.external_dsn or self.embedded_dsn("warehouse")

    @property
    def airflow_dsn(self) -> str:
        """URI of Airflow's metadata database, for any libpq client."""
        return self.external_airflow_dsn or self.embedded_dsn("airflow")

    def embedded_dsn(self, name: str) -> str:
        """URI of one of the embedded Postgres's databases, as its owner."""
        port = self.port or DEFAULT_PORT
        return f"postgresql://{name}@/{name}?host={self.socket_folder}&port={port}"


DEFAULT_PORT = 5432


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; raises SettingError naming the bad key."""
    values = os.environ if environment is None else environment
    home = _folder(values, "WAREHOUSE_HOME", PROJECT / ".warehouse")
    return Settings(
        home=home,
        landing=_folder(values, "WAREHOUSE_LANDING", home / "landing"),
        feeds=_folder(values, "WAREHOUSE_FEEDS", PROJECT / "feeds.yml"),
        external_dsn=_dsn(values, "WAREHOUSE_DSN"),
        port=_port(values, "WAREHOUSE_PORT", None),
        airflow_port=_port(values, "WAREHOUSE_AIRFLOW_PORT", 8080) or 8080,
        external_airflow_dsn=_dsn(values, "WAREHOUSE_AIRFLOW_DSN"),
        settle_seconds=_seconds(values, "WAREHOUSE_SETTLE_SECONDS", 5.0),
    )


def _folder(values: Mapping[str, str], key: str, default: Path) -> Path:
    return Path(values.get(key) or default).expanduser().resolve()


def _dsn(values: Mapping[str, str], key: str) -> str | None:
    dsn = values.get(key)
    if dsn and urlsplit(dsn).scheme not in {"postgresql", "postgres"}:
        raise SettingError(
            f"{key} is not a URI that starts with postgresql://, such as "
            "postgresql://user:password@host:5432/warehouse"
        )
    return dsn or None


def _port(values: Mapping[str, str], key: str, default: int | None) -> int | None:
    text = values.get(key)
    if not text:
        return default
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise SettingError(f"{key} is {text!r}; it must be a port, 1 to 65535")
    return int(text)


def _seconds(values: Mapping[str, str], key: str, default: float) -> float:
    text = values.get(key)
    try:
        seconds = float(text) if text else default
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise SettingError(f"{key} is {text!r}; it must be a number of seconds, >= 0")
    return seconds
