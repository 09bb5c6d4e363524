"""Keeps the warehouse up to date without Airflow: the 5-minute DAG's work, sooner."""

import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Event
from types import FrameType

from event_warehouse.database import Role, connect
from event_warehouse.errors import WarehouseError
from event_warehouse.lifecycle.locks import FORGETTING
from event_warehouse.load.files import load_new_files
from event_warehouse.load.plan import is_any_new
from event_warehouse.reports.accounting import count_all
from event_warehouse.reports.alert import Alert, send_alert
from event_warehouse.settings import Settings
from event_warehouse.transform.pending import is_pending
from event_warehouse.transform.run import LOCK, Parsed, keep_declared, transform
from event_warehouse.wording import things

MOST_WAIT_SECONDS = 60.0
"""After failed rounds, each of which doubles the wait."""

RETRY_SECONDS = 300.0

VERIFY_SECONDS = 3_600.0
VERIFY_SHARE = 20
"""Verifying counts every table: no more often, for at most a 20th of the time."""

ALONE = "select pg_try_advisory_lock(%s) and pg_try_advisory_lock_shared(%s)"

logger = logging.getLogger(__name__)


def watch(settings: Settings, *, every: float, stop: Event) -> None:
    """Loads and transforms whatever is new until `stop` is set; commits as these do.

    Verifies, at most once an hour, if something was applied or did not hold before.
    Rests `every` seconds after a round, or as long as it took, if that is longer. A
    failure is reported once, to the log and the webhook, and retried at growing
    intervals: what could be loaded is transformed all the same, and nothing is lost or
    applied twice.
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
    """State that one round passes to the next."""

    settings: Settings
    parsed: Parsed = field(default_factory=Parsed)
    retried_at: float = -RETRY_SECONDS
    failed_files: int = 0
    """When failed files were last retried, and how many failed at the last load."""
    is_unverified: bool = False
    verified_at: float = -VERIFY_SECONDS
    verify_seconds: float = 0.0
    problems: tuple[str, ...] = ()
    """When it was last verified, how long it took and what did not hold."""

    def load(self) -> None:
        """Retries failed files as often as the DAG does."""
        retries = time.monotonic() - self.retried_at >= RETRY_SECONDS
        if retries:
            self.retried_at = time.monotonic()
        if is_any_new(self.settings, retries_failed=retries):
            failed = load_new_files(self.settings).failed
            if failed and failed != self.failed_files:
                # Reported, but no reason to look less often: other files are loaded.
                _tell(
                    self.settings,
                    f"{things(failed, 'file')} could not be loaded; warehouse verify "
                    "tells why",
                )
            self.failed_files = failed

    def transform(self) -> None:
        """Finds out with one query whether there is anything to do."""
        keep_declared(self.settings)
        if is_pending(self.settings):
            transform(self.settings, parsed=self.parsed)
            self.is_unverified = True

    def verify(self) -> None:
        """Reports what does not hold, which is no reason to look for files less often.

        Sums do not hold during a rebuild or a deletion, so the next round tries again.
        """
        wait = max(VERIFY_SECONDS, self.verify_seconds * VERIFY_SHARE)
        is_due = time.monotonic() - self.verified_at >= wait
        if not (is_due and (self.is_unverified or self.problems)):
            return
        with connect(self.settings.dsn, Role.TRANSFORMER, autocommit=True) as lock:
            row = lock.execute(ALONE, (LOCK, FORGETTING)).fetchone()
            if row is None or not row[0]:
                return
            started = time.monotonic()
            problems = _problems(self.settings)
        self.is_unverified = False
        self.verified_at = time.monotonic()
        self.verify_seconds = self.verified_at - started
        if problems and problems != self.problems:
            told = "; ".join(problems)
            _tell(self.settings, f"not everything is accounted for: {told}")
        elif self.problems and not problems:
            logger.info("everything is accounted for again")
        self.problems = problems


def _problems(settings: Settings) -> tuple[str, ...]:
    """What does not hold, without failed files, which the loads have reported."""
    accounting = count_all(settings)
    loads = tuple(one for one in accounting.loads if one.status != "failed")
    return replace(accounting, loads=loads).problems


def _round(watched: _Watched, stop: Event) -> str | None:
    """What went wrong, or None."""
    problems: list[str] = []
    for step in (watched.load, watched.transform, watched.verify):
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
