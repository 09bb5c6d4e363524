"""Limits the size of an answer, which is in memory as a whole before it is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from event_warehouse.accept.errors import Fault
from event_warehouse.query.errors import InvalidQuery
from event_warehouse.query.schema import pointer

COUNTERS = 3
"""Columns at the end of each row: how many rows, bytes and groups there are."""

MAX_KEY_CHARACTERS = 1_000
"""Longer values to group by are cut; those that agree up to here count together."""

Rows = Sequence[tuple[Any, ...]]


@dataclass
class Room:
    """What is left for the series and funnels that are still to be asked."""

    rows: int = 100_000
    bytes: int = 32 * 1024 * 1024
    """Of the key values in the rows."""

    def take(self, rows: Rows, place: Sequence[str | int]) -> tuple[Rows, int]:
        """The rows without their counters, and how many groups there are.

        Raises InvalidQuery with the place in the body if there are too many; the
        statement then returns a single row, for its counters.
        """
        if not rows:
            return [], 0
        row_count, byte_count, group_count = rows[0][-COUNTERS:]
        if row_count > self.rows or byte_count > self.bytes:
            reason = (
                f"has {row_count:,} rows with {byte_count:,} bytes of keys; "
                f"{self.rows:,} and {self.bytes:,} are left of what an answer may "
                "have: ask for fewer groups, larger buckets or less time"
            )
            fault = Fault(reason, pointer(place))
            raise InvalidQuery("The answer is too large.", [fault])
        self.rows -= row_count
        self.bytes -= byte_count
        return [row[:-COUNTERS] for row in rows], group_count
