"""Why events are not accepted, in words for the sender."""

from collections.abc import Sequence
from dataclasses import dataclass

from event_warehouse.errors import WarehouseError


@dataclass(frozen=True)
class Fault:
    """What is wrong with a request, and where."""

    reason: str
    field: str | None = None
    """Dotted path into nested values; None means the whole event or request."""
    index: int | None = None
    """The event's position in the request, from 0; None means the request itself."""


class InvalidRequest(WarehouseError):
    """The request is not one of events; none was accepted."""

    def __init__(
        self, message: str, faults: Sequence[Fault] = (), invalid_events: int = 0
    ) -> None:
        super().__init__(message)
        self.faults = tuple(faults)
        self.invalid_events = invalid_events
        """How many of the events are invalid, listed or not."""


class KeyReused(WarehouseError):
    """This Idempotency-Key came with another body before; use a new one."""


class Unavailable(WarehouseError):
    """The service can't take events now; send the same again later."""

    def __init__(self, message: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds after which a retry may succeed."""
