"""What a place that keeps accepted lines must do."""

from typing import Protocol

from event_warehouse.accept.errors import Unavailable


class StoreError(Unavailable):
    """The events can't be stored now, none was accepted; send the same again later."""


class SegmentStore(Protocol):
    """Keeps lines in segments, each of which becomes a landed file.

    Called by one thread at a time.
    """

    def commit(self, lines: bytes) -> None:
        """Keep these lines whatever happens from now on.

        All of them; with StoreError none is promised.
        """

    def publish_due(self) -> float | None:
        """Publish what has been open for long enough.

        Returns the seconds until something is due; none if nothing is open.
        """

    def problem(self) -> str | None:
        """Why nothing can be kept now; none if it can. Any thread may ask."""

    def close(self) -> None:
        """Publish all that is open; what can't be is left for the next start."""
