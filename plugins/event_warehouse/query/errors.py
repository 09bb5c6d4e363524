"""Why a question can't be answered, in words for its author."""

from collections.abc import Sequence

from event_warehouse.accept.errors import Fault
from event_warehouse.errors import WarehouseError


class InvalidQuery(WarehouseError):
    """What was sent is not a question that can be answered."""

    def __init__(self, message: str | None, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)
        """A fault's field is a JSON pointer into the body, or a parameter's name."""


class Overlong(WarehouseError):
    """The answer took longer than may be; ask for a shorter range or fewer keys."""
