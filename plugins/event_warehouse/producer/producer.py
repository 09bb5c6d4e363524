"""A producer of events, for applications."""

import atexit
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import WeakSet

from event_warehouse.producer.destinations import check_requirements
from event_warehouse.producer.event import encode_event
from event_warehouse.producer.notices import logger
from event_warehouse.producer.pipeline import Pipeline
from event_warehouse.producer.settings import Pace, read_producer_settings
from event_warehouse.producer.tracker import Tracker

ORDINARY_PACE = Pace()
EXIT_SECONDS = 3.0
FORK_SECONDS = 5.0


class Producer(Tracker):
    """Sends events to one destination, in the background.

    Arguments that are not given come from the environment; `settings.py` describes it.

    `track` never blocks. About a twentieth of a second later the event is in the spool,
    a folder on this machine, and stays there until the destination has accepted it.
    While the destination is down or refuses the key, events wait there; the oldest are
    sent first. Any process with the same spool sends what another left when it ended or
    was killed. A killed process loses what it tracked in its last twentieth of a
    second; a crash of the machine may lose the last half minute. An event may arrive
    twice, with the same `event_id`. If one process has a spool to itself, its batches
    arrive in order.

    Events are dropped only when 16 MiB wait in memory, because the spool is full, or
    because it can't be written while the destination is down. That is logged as an
    error, and `dropped_count` has their number. Events that the destination refuses for
    good are kept in the spool's folder `refused`, with the reason.

    A forked child has its own events and threads. A process that ends with `os._exit`
    should call `flush` first.
    """

    def __init__(
        self,
        destination: str | None = None,
        *,
        environment: str | None = None,
        service: str | None = None,
        tenant_id: str | None = None,
        spool: Path | str | None = None,
        spool_bytes: int | None = None,
        api_key: str | None = None,
        pace: Pace = ORDINARY_PACE,
    ) -> None:
        self._settings = read_producer_settings(
            EVENTS_DESTINATION=destination,
            EVENTS_ENVIRONMENT=environment,
            EVENTS_SERVICE=service,
            EVENTS_TENANT=tenant_id,
            EVENTS_SPOOL=spool,
            EVENTS_SPOOL_BYTES=spool_bytes,
            EVENTS_API_KEY=api_key,
        )
        self._defaults = self._settings.defaults
        self._pace = pace
        self._pipeline: Pipeline | None = None
        if self._settings.sends:
            check_requirements(self._settings)
            self._warn_of_tenant()
            self._pipeline = Pipeline(self._settings, pace)
            _sending.add(self)
        elif (
            self._settings.environment is None
            and self._settings.destination.scheme != "log"
        ):
            logger.warning(
                "events are only logged: EVENTS_DESTINATION is set, but "
                "EVENTS_ENVIRONMENT is not; where it is production, events are sent"
            )

    @property
    def dropped_count(self) -> int:
        """How many events this process has lost for lack of room."""
        return self._pipeline.outbox.dropped_count if self._pipeline else 0

    def flush(self, timeout: float = 10.0) -> bool:
        """Send what waits in the spool now; True once it has been sent.

        False after `timeout` seconds; what is left stays in the spool.
        """
        if self._pipeline is None:
            return True
        self._start(self._pipeline)
        return self._pipeline.flush(timeout)

    def close(self, timeout: float = EXIT_SECONDS) -> None:
        """Send what can be sent within `timeout` seconds; the rest stays in the spool.

        Called at the exit of the process at the latest. Events that are tracked later
        go to the spool for the next process.
        """
        if self._pipeline and self._pipeline.is_used:
            self._pipeline.close(timeout)
            atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _warn_of_tenant(self) -> None:
        """The service decides the tenant of events, not the client."""
        destination, tenant_id = self._settings.destination, self._settings.tenant_id
        if tenant_id and destination.scheme in ("https", "http"):
            logger.warning(
                "EVENTS_TENANT is %r, but the service at %s decides the tenant of what "
                "is sent there; make sure that it is that one, and leave EVENTS_TENANT "
                "out",
                tenant_id,
                destination.hostname,
            )

    def _take(
        self, fields: Mapping[str, object], attributes: Mapping[str, object]
    ) -> str:
        named = {name: value for name, value in fields.items() if value is not None}
        event_id, line = encode_event({**self._defaults, **named}, attributes)
        if self._pipeline is None:
            if logger.isEnabledFor(logging.DEBUG):
                logger.debug("event %s", line.decode("utf-8").rstrip())
        else:
            self._pipeline.put(line)
            if not self._pipeline.is_running:
                self._start(self._pipeline)
        return event_id

    def _start(self, pipeline: Pipeline) -> None:
        if not pipeline.is_used:
            self._close_at_exit()
        pipeline.start()

    def _close_at_exit(self) -> None:
        atexit.unregister(self.close)
        atexit.register(self.close)
        if "multiprocessing.util" in sys.modules:
            # Its child processes end with os._exit, which skips atexit.
            from multiprocessing.util import Finalize

            Finalize(None, self.close, exitpriority=0)

    def _forget_parent(self) -> None:
        """Leaves it to the parent to send what the parent has in memory and threads."""
        if self._pipeline:
            self._pipeline.abandon()
            self._pipeline = Pipeline(self._settings, self._pace)


_sending: WeakSet[Producer] = WeakSet()
_locked_for_fork: list[Pipeline] = []


def _before_fork() -> None:
    """Waits until no thread is importing, or between opening a file and noting it."""
    for producer in list(_sending):
        pipeline = producer._pipeline
        if pipeline and pipeline.outbox.lock.acquire(timeout=FORK_SECONDS):
            _locked_for_fork.append(pipeline)


def _after_fork_in_parent() -> None:
    while _locked_for_fork:
        _locked_for_fork.pop().outbox.lock.release()


def _after_fork_in_child() -> None:
    _locked_for_fork.clear()
    for producer in list(_sending):
        producer._forget_parent()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
