"""Where events go. A destination is given a batch and reports what happened to it.

What a destination needs is imported here when it is opened, and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Final, Protocol

from event_warehouse.errors import SettingError
from event_warehouse.producer.settings import ProducerSettings


@dataclass(frozen=True)
class Limits:
    """What one batch may hold, and how long it waits for more before it is sent."""

    events: int
    byte_count: int
    seconds: float


# A delivery stream accepts 500 records and 4 MiB per call; 3 MB stay below that even in
# the base64 that they are sent in. Files are few and large, which suits the loader.
LIMITS: Final = {
    "firehose": Limits(events=500, byte_count=3_000_000, seconds=1.0),
    "https": Limits(events=500, byte_count=3_000_000, seconds=1.0),
    "http": Limits(events=500, byte_count=3_000_000, seconds=1.0),
    "file": Limits(events=10_000, byte_count=8_000_000, seconds=10.0),
}
NEEDED: Final = {"firehose": "botocore", "https": "urllib3", "http": "urllib3"}


@dataclass(frozen=True)
class Receipt:
    """What happened to a batch; events are identified by their place in it, from 0."""

    refused: Mapping[int, str] = field(default_factory=dict)
    """Those refused for good, and why."""
    again: Sequence[int] = ()
    """Those to be sent again."""
    problem: str | None = None
    """Why to wait before that; None if there is no need to."""


class Unavailable(Exception):
    """Nothing of the batch is known to have arrived; it has to be sent again."""

    def __init__(
        self, problem: str, *, needs_person: bool = False, wait: float = 0.0
    ) -> None:
        super().__init__(problem)
        self.needs_person = needs_person
        """Somebody has to fix a key, a name or a permission; waiting does not help."""
        self.wait = wait
        """Seconds that the destination asked for."""


class RefusedTogether(Exception):
    """The batch was refused for good, without saying which events are to blame."""


class Destination(Protocol):
    """Takes batches within its limits, one at a time."""

    def send(self, events: Sequence[bytes]) -> Receipt:
        """Send the events, each a line; raises Unavailable or RefusedTogether."""

    def close(self) -> None:
        """Close connections."""


def check_requirements(settings: ProducerSettings) -> None:
    """Raises SettingError if what the destination needs is not installed."""
    needed = NEEDED.get(settings.destination.scheme)
    if needed and not find_spec(needed):
        scheme = settings.destination.scheme
        raise SettingError(
            f"EVENTS_DESTINATION starts with {scheme}:, which needs {needed}; "
            f"install it with: pip install {needed}"
        )


def open_destination(settings: ProducerSettings, *, timeout: float) -> Destination:
    """The configured destination; imports all that it needs now and later."""
    # Otherwise imported by the first connection.
    import encodings.idna  # noqa: F401

    match settings.destination.scheme:
        case "firehose":
            from event_warehouse.producer.destinations.firehose import Firehose

            return Firehose(settings.destination, timeout=timeout)
        case "file":
            from event_warehouse.producer.destinations.folder import Folder

            return Folder(settings.destination)
        case _:
            from event_warehouse.producer.destinations.service import Service

            url, tenant_id = settings.destination.geturl(), settings.tenant_id
            return Service(url, settings.api_key, tenant_id, timeout=timeout)
