"""Why a question is not answered, in words for who asked it."""

from collections.abc import Sequence

from event_warehouse.accept.errors import Fault
from event_warehouse.errors import WarehouseError


class InvalidQuery(WarehouseError):
    """What was sent is not a question that can be answered."""

    def __init__(self, message: str | None, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)
        """Their fields are JSON pointers into the body, or names of parameters."""


class Overlong(WarehouseError):
    """The answer took longer than may be; ask for a shorter range or fewer keys."""
