"""Events on their way: in memory for an instant, then in the spool until sent."""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from event_warehouse.producer.memory import Memory
from event_warehouse.producer.notices import Notices
from event_warehouse.producer.segments import ClaimedSegment
from event_warehouse.producer.spool import Spool

DROPPED = "events were dropped, %d so far: neither memory nor the spool takes more"
NOT_STORED = "events can't be stored in the spool %s: %s"
CUT_OFF = "an event was cut off when the process that wrote it to the spool was killed"


@dataclass(frozen=True)
class Claim:
    """Events that this process has claimed for sending."""

    lines: Sequence[bytes]
    segment: ClaimedSegment | None
    """Where they are stored; None if the spool can't be written: they are in memory."""


class Outbox:
    """Takes events from `track`; one thread spools them, another one sends them."""

    def __init__(self, spool: Spool, notices: Notices) -> None:
        self.lock = RLock()
        """Held for what a fork must not interrupt, above all for work on files.

        `put` does not need it.
        """
        self.is_held_up = False
        """True while the destination does not accept events."""
        self.dropped_count = 0
        self._memory = Memory()
        self._spool = spool
        self._notices = notices
        self._count_lock = RLock()
        self._is_spool_failing = False
        self._in_hand_count = 0

    def put(self, line: bytes) -> None:
        """Take a line, or count it as dropped; never blocks."""
        if not self._memory.put(line):
            self.drop(1)

    def drop(self, count: int) -> None:
        """Count events as lost, and log it."""
        with self._count_lock:
            self.dropped_count += count
        self._notices.say(logging.ERROR, DROPPED, self.dropped_count)

    def close(self) -> None:
        """Record all events; those that can't be recorded are lost, which is logged."""
        self.complete()
        lost = self.unstored_count()
        if lost or self.dropped_count:
            self._notices.forget(DROPPED)
            self.drop(lost)

    def wait(self) -> None:
        """Block until there is something to record."""
        if not self._memory:
            self._memory.wait()

    def ring(self) -> None:
        """End the wait."""
        self._memory.ring()

    def record(self) -> bool:
        """Move what is in memory to the spool; False if it can't be stored there."""
        with self.lock:
            lines = self._memory.take()
            self._is_spool_failing = False
            try:
                self._spool.append(lines, sync=self.is_held_up)
            except OSError as error:
                self._is_spool_failing = True
                self._say_not_stored(error)
            finally:
                if lines:
                    self._memory.give_back(lines)
            return not self._is_spool_failing

    def _say_not_stored(self, error: OSError) -> None:
        reason = error.strerror or str(error)
        self._notices.say(logging.ERROR, NOT_STORED, self._spool.folder, reason)

    def complete(self) -> set[Path]:
        """Record all events, to be sent at once; returns the files that they are in."""
        self.record()
        with self.lock:
            try:
                self._spool.seal(sync=self.is_held_up)
            except OSError as error:
                # The segment keeps its lines, and is adopted like a dead process's.
                self._say_not_stored(error)
            self._spool.adopt()
            return set(self._spool.waiting())

    def unstored_count(self) -> int:
        """Events that are in memory because the spool can't be written."""
        in_memory = len(self._memory) if self._is_spool_failing else 0
        return in_memory + self._in_hand_count

    def seconds_until_due(self) -> float | None:
        """Seconds until there is something to claim; None if there is nothing yet."""
        with self.lock:
            return self._spool.seconds_until_due()

    def claim(self) -> Claim | None:
        """The oldest events that no process has claimed; raises OSError."""
        with self.lock:
            segment = self._spool.claim()
            if segment is None:
                return self._claim_from_memory()
            lines, is_cut_off = self._spool.read(segment)
        if is_cut_off:
            self._notices.say(logging.WARNING, CUT_OFF)
        return Claim(lines, segment)

    def _claim_from_memory(self) -> Claim | None:
        """Only if the spool can't be written and is empty, as its events are older."""
        if not self._is_spool_failing or self._spool.seconds_until_due() is not None:
            return None
        lines = list(self._memory.take())
        self._in_hand_count = len(lines)
        return Claim(lines, None) if lines else None

    def settle(self, claim: Claim, rest: list[bytes]) -> None:
        """End a claim, of which all but `rest` was sent or refused; raises OSError."""
        with self.lock:
            if claim.segment:
                self._spool.settle(claim.segment, rest)
            else:
                self._in_hand_count = 0
                self._memory.give_back(deque(rest))
