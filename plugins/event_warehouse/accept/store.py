"""The interface of a place that stores accepted lines."""

from typing import Protocol

from event_warehouse.accept.errors import Unavailable


class StoreError(Unavailable):
    """The events can't be stored now, none was accepted; send the same again later."""


class SegmentStore(Protocol):
    """Stores lines in segments, each of which becomes a landed file.

    Called by one thread at a time, except for `problem`.
    """

    def commit(self, lines: bytes) -> None:
        """Stores all of these lines durably; a StoreError promises none of them."""

    def publish_due(self) -> float | None:
        """Publishes segments that have been open for long enough.

        Returns the seconds until something is due; None if nothing is open.
        """

    def problem(self) -> str | None:
        """Why nothing can be stored now; None if it can. Any thread may call it."""

    def close(self) -> None:
        """Publishes all open segments; what fails is left for the next start."""
