"""Sends events: oldest first, retried until accepted, with exponential backoff."""

import logging
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from threading import Event

from event_warehouse.producer.destinations import (
    Destination,
    Limits,
    Receipt,
    RefusedTogether,
    Unavailable,
)
from event_warehouse.producer.notices import Notices
from event_warehouse.producer.outbox import Claim, Outbox
from event_warehouse.producer.refusals import Refusals
from event_warehouse.producer.settings import Pace

WAITING = "events can't be sent now and wait: %s"
NEEDS_PERSON = "events can't be sent and wait until somebody mends this: %s"
SENT_AGAIN = "events are sent again"
REFUSED = "events were refused for good, %d now; they are with the reasons in %s"
REFUSED_AND_LOST = "events were refused for good, %d now, and can't be kept: %s"

Parts = deque[Sequence[bytes]]


class Sender:
    """Claims events from the outbox and sends them, in its own thread."""

    def __init__(
        self,
        outbox: Outbox,
        open_destination: Callable[[], Destination],
        *,
        limits: Limits,
        refusals: Refusals,
        pace: Pace,
        notices: Notices,
    ) -> None:
        self.bell = Event()
        """Set when there may be something to send."""
        self.hurry = Event()
        """Set to try again at once."""
        self.stopping = Event()
        self._outbox = outbox
        self._open_destination = open_destination
        self._destination: Destination | None = None
        self._limits = limits
        self._refusals = refusals
        self._pace = pace
        self._notices = notices
        self._failures = 0

    def run(self) -> None:
        """Send until told to stop."""
        while not self.stopping.is_set():
            try:
                self._send_next()
            except Exception as error:
                # Whatever it is, it must not end the thread, nor the application.
                self._hold_up(Unavailable(f"the spool fails: {_kind(error)}"))
        if self._destination:
            self._destination.close()

    def stop(self) -> None:
        """Leave what is not sent to the next process."""
        self.stopping.set()
        self.try_now()

    def try_now(self) -> None:
        """Send what there is, even if that failed a moment ago."""
        self.hurry.set()
        self.bell.set()

    def _send_next(self) -> None:
        claim = self._outbox.claim()
        if claim is None:
            due = self._outbox.seconds_until_due()
            self.bell.wait(self._pace.scan if due is None else due)
            self.bell.clear()
            return
        parts: Parts = deque(_batches(claim.lines, self._limits))
        try:
            while parts and not self.stopping.is_set():
                self._attempt(parts, claim)
        finally:
            self._outbox.settle(claim, [line for part in parts for line in part])

    def _attempt(self, parts: Parts, claim: Claim) -> None:
        """Send the first part; what is left of it becomes the first part again."""
        part = parts[0]
        try:
            receipt = self._send(part)
        except RefusedTogether as refusal:
            if len(part) > 1:
                # Halved until it is known which event is to blame.
                middle = len(part) // 2
                parts[0] = part[:middle]
                parts.insert(1, part[middle:])
                return
            receipt = Receipt(refused={0: str(refusal)})
        except Unavailable as problem:
            self._hold_up(problem, claim)
            return
        self._settle(part, receipt, parts, claim)

    def _send(self, part: Sequence[bytes]) -> Receipt:
        try:
            if self._destination is None:
                # A child forked during an import could never import that module.
                with self._outbox.lock:
                    self._destination = self._open_destination()
            return self._destination.send(part)
        except (Unavailable, RefusedTogether):
            raise
        except Exception as error:
            # A destination's library may raise anything, as may its import; events wait
            # until a person has fixed it.
            raise Unavailable(_kind(error), needs_person=True) from error

    def _settle(
        self, part: Sequence[bytes], receipt: Receipt, parts: Parts, claim: Claim
    ) -> None:
        parts.popleft()
        if receipt.again:
            parts.appendleft([part[place] for place in receipt.again])
        if receipt.refused:
            self._refuse(part, receipt)
        if receipt.problem:
            self._failures = 0
            self._hold_up(Unavailable(receipt.problem), claim)
        else:
            self._recover()

    def _refuse(self, part: Sequence[bytes], receipt: Receipt) -> None:
        refused = [(part[place], reason) for place, reason in receipt.refused.items()]
        try:
            file = self._refusals.keep(refused)
        except OSError as error:
            self._notices.say(logging.ERROR, REFUSED_AND_LOST, len(refused), error)
            self._outbox.drop(len(refused))
        else:
            self._notices.say(logging.ERROR, REFUSED, len(refused), file)

    def _recover(self) -> None:
        self._failures = 0
        if self._outbox.is_held_up:
            self._outbox.is_held_up = False
            self._notices.forget(WAITING)
            self._notices.forget(NEEDS_PERSON)
            self._notices.say(logging.INFO, SENT_AGAIN)

    def _hold_up(self, problem: Unavailable, claim: Claim | None = None) -> None:
        """Wait before the next try."""
        if not self._outbox.is_held_up:
            self._outbox.is_held_up = True
            if claim and claim.segment:
                claim.segment.sync()
        if problem.needs_person:
            self._notices.say(logging.ERROR, NEEDS_PERSON, problem)
        else:
            self._notices.say(logging.WARNING, WAITING, problem)
        seconds = self._backoff(problem)
        self._failures += 1
        if self.hurry.wait(seconds):
            self.hurry.clear()
            self._failures = 0

    def _backoff(self, problem: Unavailable) -> float:
        pace = self._pace
        longest = pace.slow_retry if problem.needs_person else pace.last_retry
        first = longest if problem.needs_person else pace.first_retry
        seconds = min(first * 2.0 ** min(self._failures, 30), longest)
        # Jitter, or all processes that saw it fail would retry at the same moment.
        return max(seconds * random.uniform(0.5, 1.0), problem.wait)


def _kind(error: Exception) -> str:
    """Without a library's message, which may hold what was sent."""
    reason = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__name__} {reason or ''}".rstrip()


def _batches(lines: Sequence[bytes], limits: Limits) -> Iterator[Sequence[bytes]]:
    """A segment is a batch, unless it was written for another destination."""
    start, size = 0, 0
    for place, line in enumerate(lines):
        is_full = place - start == limits.events or size + len(line) > limits.byte_count
        if is_full and place > start:
            yield lines[start:place]
            start, size = place, 0
        size += len(line)
    if start < len(lines):
        yield lines[start:]
