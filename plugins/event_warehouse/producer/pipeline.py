"""The two threads of a producer: one records events in the spool, one sends them."""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import RLock, Thread

from event_warehouse.producer.destinations import LIMITS, open_destination
from event_warehouse.producer.notices import Notices
from event_warehouse.producer.outbox import Outbox
from event_warehouse.producer.refusals import Refusals
from event_warehouse.producer.sender import Sender
from event_warehouse.producer.settings import Pace, ProducerSettings
from event_warehouse.producer.spool import Spool

NO_THREAD = "events can't be sent, no thread can be started: %s"
LEFT = "events wait in the spool %s for the next process"
THREAD_NAME = "event_warehouse.producer"
POLL_SECONDS = 0.01
STOP_SECONDS = 0.25
RECORD_AGAIN_SECONDS = 1.0


class Pipeline:
    """Takes events from `put` to the destination. Threads start with the first one."""

    def __init__(self, settings: ProducerSettings, pace: Pace) -> None:
        limits = LIMITS[settings.destination.scheme]
        self._notices = Notices()
        self._spool = Spool(
            settings.spool, settings.spool_bytes, limits, scan_seconds=pace.scan
        )
        self.outbox = Outbox(self._spool, self._notices)
        self._sender = Sender(
            self.outbox,
            partial(open_destination, settings, timeout=pace.answer),
            limits=limits,
            refusals=Refusals(settings.spool, settings.spool_bytes),
            pace=pace,
            notices=self._notices,
        )
        self._pace = pace
        self._runs: Sequence[Callable[[], None]] = (self._record, self._sender.run)
        self._threads: list[Thread] = []
        self._start_lock = RLock()
        self.is_used = False
        self.is_closed = False

    @property
    def is_running(self) -> bool:
        """True once its threads have been started."""
        return len(self._threads) == len(self._runs)

    def put(self, line: bytes) -> None:
        """Take a line; never blocks while the threads run."""
        self.outbox.put(line)
        if self.is_closed:
            # Too late to be sent, as at exit: recorded for the next process.
            self.outbox.complete()

    def start(self) -> None:
        """Start the threads that are not running yet."""
        with self._start_lock:
            self.is_used = True
            for run in self._runs[len(self._threads) :]:
                thread = Thread(target=run, daemon=True, name=THREAD_NAME)
                try:
                    thread.start()
                except RuntimeError as error:
                    self._notices.say(logging.ERROR, NO_THREAD, error)
                    return
                self._threads.append(thread)

    def _record(self) -> None:
        pause = self._pace.record
        while not self._sender.stopping.is_set():
            self.outbox.wait()
            self._sender.stopping.wait(pause)
            is_recorded = self.outbox.record()
            pause = self._pace.record if is_recorded else RECORD_AGAIN_SECONDS
            self._sender.bell.set()

    def flush(self, timeout: float) -> bool:
        """True once all waiting events have been sent; False if time ran out."""
        deadline = time.monotonic() + timeout
        files = self.outbox.complete()
        self._sender.try_now()
        while self.outbox.unstored_count() or any(map(Path.exists, files)):
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def close(self, timeout: float) -> None:
        """Send what can be sent in this time; leave the rest in the spool."""
        if self.is_closed:
            return
        if not self.flush(timeout):
            self._notices.say(logging.WARNING, LEFT, self._spool.folder)
        self.is_closed = True
        self._sender.stop()
        self.outbox.ring()
        for thread in self._threads:
            # One that waits for an answer ends later, if the process lasts so long.
            thread.join(STOP_SECONDS)
        self.outbox.close()

    def abandon(self) -> None:
        """In a forked child, let go of what belongs to the parent."""
        self._spool.abandon()
