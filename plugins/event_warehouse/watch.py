"""Keeps the warehouse up to date without Airflow: the 5-minute DAG's work, at once."""

import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from types import FrameType

from event_warehouse.alert import Alert, send_alert
from event_warehouse.errors import WarehouseError
from event_warehouse.load.files import load_new_files
from event_warehouse.load.plan import is_any_new
from event_warehouse.pending import is_pending
from event_warehouse.settings import Settings
from event_warehouse.transform import Parsed, transform

MOST_WAIT_SECONDS = 60.0
"""After rounds that failed, each of which doubles the wait."""

RETRY_SECONDS = 300.0

logger = logging.getLogger(__name__)


def watch(settings: Settings, *, every: float, stop: Event) -> None:
    """Loads and transforms whatever is new until `stop` is set; commits as these do.

    Looks each `every` seconds, and rests at least as long as looking took. A round that
    fails is told once, to the log and the webhook, and tried again ever later: what
    could be loaded is transformed all the same, nothing is lost or taken in twice.
    """
    watched = _Watched(settings)
    told: str | None = None
    failures = 0
    while not stop.is_set():
        started = time.monotonic()
        problem = _round(watched, stop)
        if problem and problem != told:
            logger.error("%s", problem)
            send_alert(settings, Alert("warehouse run --watch", "a round", problem))
        elif told and not problem:
            logger.info("all goes well again")
        told, failures = problem, failures + 1 if problem else 0
        rest = min(MOST_WAIT_SECONDS, every * 2 ** min(failures, 10))
        stop.wait(max(rest, time.monotonic() - started))


@dataclass
class _Watched:
    """What one round leaves to the next."""

    settings: Settings
    parsed: Parsed = field(default_factory=Parsed)
    retried_at: float = -RETRY_SECONDS

    def load(self) -> None:
        """Files that failed are tried again as often as the DAG does."""
        retries = time.monotonic() - self.retried_at >= RETRY_SECONDS
        if retries:
            self.retried_at = time.monotonic()
        if is_any_new(self.settings, retries_failed=retries):
            load_new_files(self.settings)

    def transform(self) -> None:
        """Asks in one query whether there is anything to do."""
        if is_pending(self.settings):
            transform(self.settings, parsed=self.parsed)


def _round(watched: _Watched, stop: Event) -> str | None:
    """The first thing that went wrong, or None."""
    problems: list[str] = []
    for step in (watched.load, watched.transform):
        if stop.is_set():
            break
        try:
            step()
        except (WarehouseError, OSError) as error:
            problems.append(str(error))
    return problems[0] if problems else None


@contextmanager
def stopped_by_signals() -> Iterator[Event]:
    """Set by SIGTERM or SIGINT; a second one ends the process where it is."""
    stop = Event()

    def ask(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            raise SystemExit(128 + number)
        stop.set()

    before: dict[signal.Signals, Callable[..., object] | int | None] = {
        number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
