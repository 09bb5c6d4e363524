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
from event_warehouse.transform import Parsed, keep_declared, transform

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
            _tell(settings, problem)
        elif told and not problem:
            logger.info("all goes well again")
        told, failures = problem, failures + 1 if problem else 0
        rest = min(MOST_WAIT_SECONDS, every * 2 ** min(failures, 10))
        stop.wait(max(rest, time.monotonic() - started))


def _tell(settings: Settings, problem: str) -> None:
    logger.error("%s", problem)
    send_alert(settings, Alert("warehouse run --watch", "a round", problem))


@dataclass
class _Watched:
    """What one round leaves to the next."""

    settings: Settings
    parsed: Parsed = field(default_factory=Parsed)
    retried_at: float = -RETRY_SECONDS
    failed_files: int = 0
    """When files were last looked at."""

    def load(self) -> None:
        """Files that failed are tried again as often as the DAG does."""
        retries = time.monotonic() - self.retried_at >= RETRY_SECONDS
        if retries:
            self.retried_at = time.monotonic()
        if is_any_new(self.settings, retries_failed=retries):
            failed = load_new_files(self.settings).failed
            if failed and failed != self.failed_files:
                # Told, and no reason to look less often: other files are loaded.
                _tell(
                    self.settings,
                    f"{failed} files were not loaded; warehouse verify names them",
                )
            self.failed_files = failed

    def transform(self) -> None:
        """Asks in one query whether there is anything to do."""
        keep_declared(self.settings)
        if is_pending(self.settings):
            transform(self.settings, parsed=self.parsed)


def _round(watched: _Watched, stop: Event) -> str | None:
    """What went wrong, or None."""
    problems: list[str] = []
    for step in (watched.load, watched.transform):
        if stop.is_set():
            break
        try:
            step()
        except (WarehouseError, OSError) as error:
            problems.append(str(error))
    return "; ".join(dict.fromkeys(problems)) or None


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
