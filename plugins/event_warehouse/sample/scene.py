"""What the samples of all feeds are drawn from: times, people and ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, TypeVar
from uuid import UUID

from event_warehouse.sample import vocabulary as words

Item = TypeVar("Item")
Record = dict[str, Any]

USERS: Final = 400
REPEATED: Final = 50
"""One event in this many comes twice."""


@dataclass(frozen=True)
class SampleFile:
    """A file below its feed's folder."""

    name: str
    content: bytes
    changed: datetime


@dataclass(frozen=True)
class Slot:
    """The times, ascending and distinct, of one file's events."""

    start: datetime
    end: datetime
    times: Sequence[datetime]


@dataclass(frozen=True)
class Person:
    """Who did something, where and with what; the same number is the same person."""

    number: int
    tenant: str
    country: str
    browser: str
    platform: str
    device: str
    session: str

    @property
    def user(self) -> str:
        """The person's user id at the tenant."""
        return f"user-{self.number}"


@dataclass(frozen=True)
class Scene:
    """Where the sample of one feed is drawn from, all of it before the anchor."""

    random: Random
    events: int
    anchor: datetime

    def slots(self, count: int, length: timedelta) -> list[Slot]:
        """That many slots, which end at the anchor and share the events."""
        return [self._slot(at, count, length) for at in range(count)]

    def _slot(self, at: int, count: int, length: timedelta) -> Slot:
        start = self.anchor - length * (count - at)
        share = self.events * (at + 1) // count - self.events * at // count
        moments = range(length // timedelta(milliseconds=1))
        drawn = sorted(self.random.sample(moments, share))
        times = [start + timedelta(milliseconds=moment) for moment in drawn]
        return Slot(start, start + length, times)

    def person(self) -> Person:
        """A random person; a few are drawn often and most of them rarely."""
        number = int(20 / (1 - self.random.random()) - 20) % USERS
        return Person(
            number,
            tenant=_nth(words.TENANTS, number),
            country=_nth(words.COUNTRIES, number // 2),
            browser=_nth(words.BROWSERS, number // 3),
            platform=_nth(words.PLATFORMS, number // 5),
            device=f"{number * 2_654_435_761 % 2**32:08x}",
            session=f"s-{number}-{self.random.randrange(8)}",
        )

    def sometimes(self, value: Item, share: float = 0.9) -> Item | None:
        """The value with this probability, else None."""
        return value if self.random.random() < share else None

    def hex(self, digits: int) -> str:
        """A random id of so many digits."""
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        """A random UUID."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def add_repeats(self, files: Sequence[list[Record]]) -> None:
        """Repeat some events, in their own file or a later one."""
        delivered = [(at, event) for at, file in enumerate(files) for event in file]
        for at, event in self.random.sample(delivered, self.events // REPEATED):
            self.insert(files[self.random.randrange(at, len(files))], event)

    def add_in_turn(self, files: Sequence[list[Item]], added: Sequence[Item]) -> None:
        """Add the first to the first file, and so on, each at a random place."""
        for at, item in enumerate(added):
            self.insert(files[at % len(files)], item)

    def insert(self, items: list[Item], item: Item) -> None:
        """Insert the item at a random place."""
        items.insert(self.random.randrange(len(items) + 1), item)


def _nth(names: dict[str, float], number: int) -> str:
    return [*names][number % len(names)]


def without(record: Record, name: str) -> Record:
    """The record without that member."""
    return {key: value for key, value in record.items() if key != name}


def named(slots: Sequence[Slot], contents: dict[str, bytes]) -> list[SampleFile]:
    """The slots' files, each named with its slot's start and changed at its end."""
    return [
        SampleFile(name.format(slot.start), content, changed=slot.end)
        for slot, (name, content) in zip(slots, contents.items(), strict=True)
    ]
