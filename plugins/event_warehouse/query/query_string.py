"""The parameters of a query string, read one by one, with every fault collected."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TypeVar

from event_warehouse.accept.errors import Fault
from event_warehouse.moments import read_moment
from event_warehouse.query.errors import InvalidQuery

PLUS_READ_AS_SPACE = re.compile(r"(T[^ ]+) (\d\d(:?\d\d)?)")
"""A query string decodes a `+` that is not escaped to a space."""
ISO_8601 = re.compile(
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?",
    re.ASCII,
)
MAX_DIGITS = 19
"""Python's int refuses thousands of digits; no number here needs as many."""

T = TypeVar("T")


class QueryString:
    """The value of each parameter, or None if it is missing or invalid.

    Faults don't stop the reading, so that a caller learns of all of them at once: read
    every parameter, then raise `invalid()` if there are `faults`.
    """

    def __init__(
        self, parameters: Sequence[tuple[str, str]], known: Collection[str]
    ) -> None:
        self._given = dict(parameters)
        self.faults: list[Fault] = []
        counts = Counter(name for name, _ in parameters)
        for name, count in counts.items():
            if name not in known:
                self.refuse(name, f"is not one of {', '.join(known)}")
            elif count > 1:
                self.refuse(name, "is given more than once")

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def refuse(self, name: str, reason: str) -> None:
        """Note what is wrong with a parameter."""
        self.faults.append(Fault(reason, name))

    def invalid(self) -> InvalidQuery:
        """The error with every fault."""
        return InvalidQuery("A parameter is not valid.", self.faults)

    def text(
        self, name: str, problem_of: Callable[[str], str | None] | None = None
    ) -> str | None:
        """The text as it is; a fault if `problem_of` finds a problem."""
        text = self._given.get(name)
        if text is None or problem_of is None:
            return text
        if problem := problem_of(text):
            self.refuse(name, problem)
            return None
        return text

    def time(self, name: str) -> str | None:
        """The text of a time, with the `+` of its offset restored."""
        text = self._given.get(name)
        return None if text is None else _with_plus(text)

    def moment(self, name: str) -> datetime | None:
        """A date or time in ISO 8601, in UTC if it names no offset."""
        reason = "is not a time in ISO 8601, such as 2025-01-31T12:00:00+01:00"
        return self.parsed(name, _read_iso_8601, reason)

    def one_of(self, name: str, choices: Collection[str]) -> str | None:
        """One of several words."""
        text = self._given.get(name)
        if text is None or text in choices:
            return text
        self.refuse(name, f"must be {' or '.join(choices)}")
        return None

    def number(self, name: str, most: int) -> int | None:
        """A whole number from 1 to `most`."""
        text = self._given.get(name)
        if text is None:
            return None
        is_number = text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS
        if is_number and 1 <= int(text) <= most:
            return int(text)
        self.refuse(name, f"must be a whole number from 1 to {most:,}")
        return None

    def parsed(self, name: str, parse: Callable[[str], T], reason: str) -> T | None:
        """What `parse` returns for the text; `reason` is the fault if it raises."""
        text = self._given.get(name)
        if text is None:
            return None
        try:
            return parse(text)
        # msgspec's errors are ValueErrors, too.
        except (ValueError, RecursionError):
            self.refuse(name, reason)
            return None


def _with_plus(text: str) -> str:
    return PLUS_READ_AS_SPACE.sub(r"\1+\2", text)


def _read_iso_8601(text: str) -> datetime:
    """Raises ValueError for other formats, even those that Python accepts."""
    text = _with_plus(text)
    if not ISO_8601.fullmatch(text):
        raise ValueError
    return read_moment(text)
