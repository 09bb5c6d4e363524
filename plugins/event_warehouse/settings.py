"""The settings, read once from the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

from event_warehouse.errors import SettingError
from event_warehouse.tenant_names import problem_of_tenant

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Settings:
    """Everything that may differ between two installations."""

    home: Path
    """Local state: the embedded Postgres, Airflow's home, the sample, logs."""
    landing: Path
    """Where the feeds' files arrive, one folder per feed."""
    bucket: str | None
    """`s3://bucket/prefix` where files arrive as well; None means no bucket."""
    feeds: Path
    """The file that declares the feeds."""
    funnels: Path
    """The file that declares the funnels."""
    external_dsn: str | None
    """URI of a Postgres server; None means the embedded one under `home`."""
    port: int | None
    """TCP port of the embedded Postgres on 127.0.0.1; None means socket only."""
    airflow_port: int
    """Port of Airflow's UI and API."""
    external_airflow_dsn: str | None
    """URI of Airflow's metadata database; None means the embedded Postgres's."""
    api_port: int
    """Port of the HTTP service."""
    api_tenant: str
    """The tenant of events posted with an operator's key that name no tenant."""
    external_api_dsn: str | None
    """URI with which the HTTP service signs in to Postgres; None means `external_dsn`,
    or the service's own user of the embedded Postgres."""
    settle_seconds: float
    """A landing file that changed more recently counts as still being written."""
    keep_event_months: int | None
    """Whole months of events that `expire` keeps besides the current one, if set."""
    keep_raw_months: int | None
    """The same for raw records."""
    alert_webhook_url: str | None = field(default=None, repr=False)
    """Where failures are reported; a secret, as it lets anyone post there."""

    @property
    def socket_folder(self) -> Path:
        """The folder of the embedded Postgres's socket."""
        return self.home / "run"

    @property
    def dsn(self) -> str:
        """URI of the warehouse database, for any libpq client."""
        return self.external_dsn or self.embedded_dsn("warehouse")

    @property
    def airflow_dsn(self) -> str:
        """URI of Airflow's metadata database, for any libpq client."""
        return self.external_airflow_dsn or self.embedded_dsn("airflow")

    @property
    def api_dsn(self) -> str:
        """URI of the warehouse database for the HTTP service."""
        return (
            self.external_api_dsn
            or self.external_dsn
            or self.embedded_dsn("warehouse", user="warehouse_service")
        )

    def embedded_dsn(self, name: str, *, user: str | None = None) -> str:
        """URI of a database of the embedded Postgres, for its owner or another user."""
        folder, port = quote(str(self.socket_folder)), self.port or DEFAULT_PORT
        return f"postgresql://{user or name}@/{name}?host={folder}&port={port}"


DEFAULT_PORT = 5432
EXAMPLE_DSN = "postgresql://user:password@host:5432/warehouse"
URI_TEXT = re.compile(r"[A-Za-z0-9._~:/?@!$&'()*+,;=%-]+")
DSN_PARAMETERS = {"host", "port", "sslmode"}


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process; raises SettingError naming the bad key."""
    values = os.environ if environment is None else environment
    home = _folder(values, "WAREHOUSE_HOME", PROJECT / ".warehouse")
    return Settings(
        home=home,
        landing=_folder(values, "WAREHOUSE_LANDING", home / "landing"),
        bucket=_bucket(values, "WAREHOUSE_BUCKET"),
        feeds=_folder(values, "WAREHOUSE_FEEDS", PROJECT / "feeds.yml"),
        funnels=_folder(values, "WAREHOUSE_FUNNELS", PROJECT / "funnels.yml"),
        external_dsn=_dsn_for_dbt(values, "WAREHOUSE_DSN"),
        port=_port(values, "WAREHOUSE_PORT", None),
        airflow_port=_port(values, "WAREHOUSE_AIRFLOW_PORT", 8080) or 8080,
        external_airflow_dsn=_dsn(values, "WAREHOUSE_AIRFLOW_DSN"),
        api_port=_port(values, "WAREHOUSE_API_PORT", 8000) or 8000,
        api_tenant=_tenant(values, "WAREHOUSE_API_TENANT", "default"),
        external_api_dsn=_dsn(values, "WAREHOUSE_API_DSN"),
        settle_seconds=_seconds(values, "WAREHOUSE_SETTLE_SECONDS", 5.0),
        keep_event_months=_months(values, "WAREHOUSE_KEEP_EVENT_MONTHS"),
        keep_raw_months=_months(values, "WAREHOUSE_KEEP_RAW_MONTHS"),
        alert_webhook_url=_webhook(values, "WAREHOUSE_ALERT_WEBHOOK_URL"),
    )


def _folder(values: Mapping[str, str], key: str, default: Path) -> Path:
    return Path(values.get(key) or default).expanduser().resolve()


def _bucket(values: Mapping[str, str], key: str) -> str | None:
    bucket = values.get(key)
    if bucket and not re.fullmatch(r"s3://[a-z0-9.-]{3,63}(/.*)?", bucket):
        raise SettingError(f"{key} is not like s3://bucket or s3://bucket/prefix")
    return bucket or None


def _tenant(values: Mapping[str, str], key: str, default: str) -> str:
    tenant = values.get(key) or default
    if problem := problem_of_tenant(tenant):
        raise SettingError(f"{key} {problem}; no tenant is called that")
    return tenant


def _webhook(values: Mapping[str, str], key: str) -> str | None:
    url = values.get(key)
    if url and not re.fullmatch(r"https?://[^/\s]+\S*", url):
        raise SettingError(f"{key} is not a URL that starts with https:// or http://")
    return url or None


def _dsn(values: Mapping[str, str], key: str) -> str | None:
    dsn = values.get(key)
    if dsn and not dsn.startswith(("postgresql://", "postgres://")):
        raise SettingError(
            f"{key} is not a URI that starts with postgresql://, such as {EXAMPLE_DSN}"
        )
    return dsn or None


def _dsn_for_dbt(values: Mapping[str, str], key: str) -> str | None:
    """Like `_dsn`, but refuses what dbt_project/profiles.yml would read differently.

    Otherwise dbt would use another server or database than the loader.
    """
    dsn = _dsn(values, key)
    if dsn and (problem := _problem_for_dbt(dsn)):
        raise SettingError(f"{key} {problem}; it must be like {EXAMPLE_DSN}")
    return dsn


def _problem_for_dbt(dsn: str) -> str | None:
    """The first thing that is wrong, without a value, which may be the password."""
    # Brackets first: urlsplit raises ValueError for an invalid IPv6 address.
    if "[" in dsn:
        return "has an IPv6 address, which dbt can't be given; name the host instead"
    parts = urlsplit(dsn)
    if not URI_TEXT.fullmatch(dsn) or parts.netloc.count("@") > 1:
        return "has characters that a URI may have as %-escapes only"
    parameters = [pair.partition("=") for pair in parts.query.split("&") if pair]
    names = [name for name, _, _ in parameters]
    if not DSN_PARAMETERS.issuperset(names) or len(names) > len(set(names)):
        return (
            "may have the parameters host, port and sslmode, each once, and no other "
            "(libpq's environment variables, such as PGSSLROOTCERT, set the rest)"
        )
    given = {name: value for name, _, value in parameters}
    if not _has_port(parts) or not given.get("port", "1").isdecimal():
        return "has a port that is not one number"
    is_whole = parts.hostname or given.get("host")
    if not is_whole or not parts.username or len(parts.path) < 2:
        return "does not name a user, a host and a database"
    return None


def _has_port(parts: SplitResult) -> bool:
    """True if the port is a number or missing."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _port(values: Mapping[str, str], key: str, default: int | None) -> int | None:
    text = values.get(key)
    if not text:
        return default
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise SettingError(f"{key} is {text!r}; it must be a port, 1 to 65535")
    return int(text)


def _months(values: Mapping[str, str], key: str) -> int | None:
    text = values.get(key)
    if text and not re.fullmatch("[0-9]{1,4}", text, re.ASCII):
        raise SettingError(f"{key} is {text!r}; it must be a number of months, >= 0")
    return int(text) if text else None


def _seconds(values: Mapping[str, str], key: str, default: float) -> float:
    text = values.get(key)
    try:
        seconds = float(text) if text else default
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise SettingError(f"{key} is {text!r}; it must be a number of seconds, >= 0")
    return seconds
