"""Group commit: all waiting requests are stored together, in one write and sync.

While one group is synced the next one gathers, so the disk limits the groups per
second, not the requests.
"""

import logging
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread

from event_warehouse.accept.errors import Unavailable
from event_warehouse.accept.store import SegmentStore

RETRY_SECONDS = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Waiting:
    lines: bytes
    committed: Future[None] = field(default_factory=Future)


class GroupWriter:
    """Writes lines to a store in its own thread, from `start` to `close`."""

    def __init__(self, store: SegmentStore, *, max_waiting: int) -> None:
        self._store = store
        self._max_waiting = max_waiting
        self._waiting: list[_Waiting] = []
        self._is_closing = False
        self._changed = Condition()
        self._thread = Thread(target=self._run, name="group-writer", daemon=True)

    def start(self) -> None:
        """Starts the writer's thread."""
        self._thread.start()

    def submit(self, lines: bytes) -> Future[None]:
        """A future that is done when the lines are durable, or fails with StoreError.

        Raises Unavailable if too many requests wait already.
        """
        waiting = _Waiting(lines)
        # From here on it can't be cancelled: a client that disconnects must not affect
        # another one that waits for the same lines.
        waiting.committed.set_running_or_notify_cancel()
        with self._changed:
            if self._is_closing:
                raise Unavailable("The service is stopping; send the same again later.")
            if len(self._waiting) >= self._max_waiting:
                raise Unavailable(
                    "Too many requests wait to be written; send the same again later."
                )
            self._waiting.append(waiting)
            self._changed.notify()
        return waiting.committed

    def close(self) -> None:
        """Writes and publishes whatever is waiting."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        seconds: float | None = None
        while (group := self._next_group(seconds)) is not None:
            if group:
                self._commit(group)
            seconds = self._publish_due()
        self._store.close()

    def _next_group(self, seconds: float | None) -> list[_Waiting] | None:
        """Empty if nothing came in that time, None if nothing more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing, seconds)
            group, self._waiting = self._waiting, []
            return None if self._is_closing and not group else group

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            self._store.commit(b"".join(waiting.lines for waiting in group))
        except Exception as error:
            # Any exception must reach those who wait, and must not end the thread.
            for waiting in group:
                waiting.committed.set_exception(error)
        else:
            for waiting in group:
                waiting.committed.set_result(None)

    def _publish_due(self) -> float | None:
        try:
            return self._store.publish_due()
        except Exception:
            # This must not end the thread either, as every sender depends on it.
            # Unpublished segments are kept and tried again.
            logger.exception("can't publish")
            return RETRY_SECONDS
