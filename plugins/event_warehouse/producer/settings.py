"""A producer's configuration, read once from the environment.

EVENTS_ENVIRONMENT  production, staging, development, ci or test. Only production
                    sends; elsewhere, and where it is not set, events are only
                    logged at DEBUG. Also the events' `environment`.
EVENTS_DESTINATION  where production sends to; required there
    firehose://<stream>[?region=<region>&endpoint_url=<URL>]
    https://<host>/<path>
    file:///<folder>
    log:            nowhere, only the debug log
EVENTS_API_KEY      sent to an https destination as a bearer token
EVENTS_SERVICE      the `service` of events that name none
EVENTS_TENANT       the `tenant_id` of events that name none; not sent to an https
                    destination, which decides the tenant itself
EVENTS_SPOOL        folder of events that wait to be sent, to one destination only;
                    default ~/.local/state/event-warehouse/<destination>, or in the
                    temporary folder for a user without a home
EVENTS_SPOOL_BYTES  how large it may grow; default 268435456, which is 256 MiB
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from event_warehouse.errors import SettingError
from event_warehouse.producer.event import problem_of_text

ENVIRONMENTS: Final = ("production", "staging", "development", "ci", "test")
SPOOL_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True)
class ProducerSettings:
    """Where events go, and defaults for fields that they do not set."""

    destination: SplitResult
    environment: str | None
    service: str | None
    tenant_id: str | None
    spool: Path
    spool_bytes: int
    api_key: str | None = field(repr=False)

    @property
    def sends(self) -> bool:
        """False if events are only logged."""
        return self.environment == "production" and self.destination.scheme != "log"

    @property
    def defaults(self) -> dict[str, str | None]:
        """The values of fields that an event does not set."""
        return {
            "environment": self.environment,
            "service": self.service,
            "tenant_id": self.tenant_id,
        }


@dataclass(frozen=True)
class Pace:
    """A producer's delays and timeouts, in seconds."""

    record: float = 0.05
    """Before an event is written to the spool; a killed process loses as much."""
    answer: float = 10.0
    """For the destination, at each step of an exchange."""
    first_retry: float = 0.5
    """Doubled at each failure in a row."""
    last_retry: float = 60.0
    slow_retry: float = 300.0
    """When a person has to fix something first."""
    scan: float = 30.0
    """Between searches for what other processes left."""


def read_producer_settings(
    variables: Mapping[str, str] | None = None, **given: object
) -> ProducerSettings:
    """The settings of this process; arguments that are not None take precedence.

    Raises SettingError naming the bad key.
    """
    values = dict(os.environ if variables is None else variables)
    values |= {key: str(value) for key, value in given.items() if value is not None}
    environment = _environment(values)
    destination = _destination(values, is_production=environment == "production")
    return ProducerSettings(
        destination=destination,
        environment=environment,
        service=_text(values, "EVENTS_SERVICE"),
        tenant_id=_text(values, "EVENTS_TENANT"),
        spool=_spool(values, destination),
        spool_bytes=_bytes(values, "EVENTS_SPOOL_BYTES", SPOOL_BYTES),
        api_key=_api_key(values),
    )


def _environment(values: Mapping[str, str]) -> str | None:
    name = values.get("EVENTS_ENVIRONMENT") or None
    if name not in (None, *ENVIRONMENTS):
        raise SettingError(
            f"EVENTS_ENVIRONMENT is {name!r}; it must be one of "
            + ", ".join(ENVIRONMENTS)
        )
    return name


def _destination(values: Mapping[str, str], *, is_production: bool) -> SplitResult:
    text = values.get("EVENTS_DESTINATION")
    if not text and is_production:
        raise SettingError(
            "EVENTS_DESTINATION is missing; production has to say where events go, "
            "such as firehose://<stream>, or log: for nowhere"
        )
    try:
        destination = urlsplit(text or "log:")
        problem = _problem_of(destination)
    except ValueError as error:
        problem = str(error)
    if problem:
        raise SettingError(f"EVENTS_DESTINATION {problem}")
    return destination


def _problem_of(destination: SplitResult) -> str | None:
    """Why events can't be sent there, without the address: it may hold a password."""
    match destination.scheme:
        case "log":
            return None
        case "firehose":
            return _problem_of_stream(destination)
        case "https" | "http":
            if destination.username or destination.password:
                return "holds a user or password; set EVENTS_API_KEY instead"
            return None if destination.hostname else "names no host"
        case "file":
            is_local = destination.netloc in ("", "localhost")
            if is_local and len(destination.path) > 1 and not destination.query:
                return None
            return "must be file:///<folder>, with three slashes"
    return "must start with firehose://, https://, file:/// or be log:"


def _problem_of_stream(destination: SplitResult) -> str | None:
    if not re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", destination.netloc):
        return "must be firehose://<stream>, the stream's name alone"
    try:
        options = parse_qs(destination.query, strict_parsing=bool(destination.query))
    except ValueError:
        return "has a query that can't be read; write ?region=<region>"
    unknown = options.keys() - {"region", "endpoint_url"}
    if unknown or destination.path.strip("/"):
        return "may have region and endpoint_url after the stream, nothing else"
    return None


def _text(values: Mapping[str, str], key: str) -> str | None:
    text = values.get(key) or None
    if text and (problem := problem_of_text(text)):
        raise SettingError(f"{key} {problem}")
    return text


def _bytes(values: Mapping[str, str], key: str, default: int) -> int:
    text = values.get(key)
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise SettingError(f"{key} is {text!r}; it must be a number of bytes, >= 1")
    return int(text)


def _api_key(values: Mapping[str, str]) -> str | None:
    key = values.get("EVENTS_API_KEY") or None
    if key and not re.fullmatch(r"[!-~]+", key):
        raise SettingError("EVENTS_API_KEY holds a space or what is not ASCII")
    return key


def _spool(values: Mapping[str, str], destination: SplitResult) -> Path:
    """The configured folder, or one for this destination alone.

    In a shared one, events would be sent to other applications' destinations.
    """
    if configured := values.get("EVENTS_SPOOL"):
        return Path(configured).expanduser().absolute()
    digest = hashlib.sha256(destination.geturl().encode()).hexdigest()
    name = f"{destination.scheme}-{digest[:12]}"
    if state := values.get("XDG_STATE_HOME"):
        return Path(state).absolute() / "event-warehouse" / name
    home = Path(os.path.expanduser("~"))
    if home.is_absolute() and os.access(home, os.W_OK):
        return home / ".local" / "state" / "event-warehouse" / name
    # Not in a subfolder: another user could create that first, and own its content.
    return Path(tempfile.gettempdir()) / f"event-warehouse-{os.geteuid()}-{name}"
