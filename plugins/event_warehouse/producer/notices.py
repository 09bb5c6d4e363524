"""What the producer writes to the application's log: no events, no keys, no flood."""

import logging
import time
from typing import Final

logger: Final = logging.getLogger("event_warehouse.producer")
SILENCE_SECONDS: Final = 60.0


class Notices:
    """Logs the same message at most once a minute."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def say(self, level: int, message: str, *arguments: object) -> None:
        """Log it, unless it was logged within the last minute."""
        now = time.monotonic()
        if now - self._said.get(message, -SILENCE_SECONDS) >= SILENCE_SECONDS:
            self._said[message] = now
            logger.log(level, message, *arguments)

    def forget(self, message: str) -> None:
        """What the message reported is over; if it recurs, log it at once."""
        self._said.pop(message, None)
