"""What the producer says in the application's log: no event, no key, no flood."""

import logging
import time
from typing import Final

logger: Final = logging.getLogger("event_warehouse.producer")
SILENCE_SECONDS: Final = 60.0


class Notices:
    """The same message is logged at most once a minute."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def say(self, level: int, message: str, *arguments: object) -> None:
        """Log it, unless it was logged within the last minute."""
        now = time.monotonic()
        if now - self._said.get(message, -SILENCE_SECONDS) >= SILENCE_SECONDS:
            self._said[message] = now
            logger.log(level, message, *arguments)

    def forget(self, message: str) -> None:
        """What it said is over; said again, it is news."""
        self._said.pop(message, None)
