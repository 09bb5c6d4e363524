"""What a funnel is: its steps, their order, and what must hold between them."""

from dataclasses import dataclass, field
from enum import StrEnum

from psycopg import sql

from event_warehouse.errors import WarehouseError

MOST_STEPS = 20


class FunnelError(WarehouseError):
    """A funnel is defined wrongly."""


class Order(StrEnum):
    """Which events may lie between the steps."""

    ORDERED = "ordered"
    """Each step comes after the one before; any events may lie between."""
    STRICT = "strict"
    """No event of the same user and match keys lies between two steps."""
    ANY = "any"
    """All steps within the window, in any order."""


@dataclass(frozen=True)
class Step:
    """What an event must be to be this step."""

    name: str
    condition: sql.Composable
    """A boolean expression over `events`, such as `events.event_type = 'view'`; values
    in it are literals (sql.Literal) or constants of the caller, never spliced text."""
    window_seconds: float | None = None
    """The longest time after the previous step; the first step has none."""


@dataclass(frozen=True)
class Funnel:
    """Steps of one user, at strictly increasing (event_time, event_id).

    A user has reached step n if some chain of events takes the steps up to n and meets
    every window; it need not begin with the user's first event of step 1. Windows
    include their end. With Order.ANY, a user has reached step n if the first n steps
    have all been taken within the window, and one event may be several steps.

    Raises FunnelError if the definition is not valid.
    """

    steps: tuple[Step, ...]
    order: Order = Order.ORDERED
    window_seconds: float | None = None
    """From the first step of a chain to its last; None if there is no limit."""
    match: tuple[sql.Composable, ...] = ()
    """Expressions over `events` that must be the same in all steps of a chain; an event
    is left out if one is null."""
    breakdown: sql.Composable | None = None
    """An expression over `events`; a chain counts under its value, as text, in the
    first step 1 event of its user and match keys."""
    actor: sql.Composable = field(default_factory=lambda: sql.SQL("events.user_id"))
    """Whose steps they are; an event for which it is null is left out."""

    def __post_init__(self) -> None:
        if not 2 <= len(self.steps) <= MOST_STEPS:
            raise FunnelError(f"steps: there are {len(self.steps)}; it must be 2 to 20")
        if self.steps[0].window_seconds is not None:
            raise FunnelError("the first step has no step before it: no window either")
        windows = [step.window_seconds for step in self.steps]
        if self.order == Order.ANY and any(window is not None for window in windows):
            raise FunnelError("steps in any order have no step before them: no windows")
        if any(
            one is not None and not one > 0 for one in (self.window_seconds, *windows)
        ):
            raise FunnelError("a window must be more than 0 seconds")


@dataclass(frozen=True)
class StepCount:
    """How many reached a step, and how fast."""

    step_number: int
    """From 1."""
    step: str
    breakdown: str | None
    """None if the funnel has none, or the event has no value."""
    user_count: int
    """Distinct actors that have reached it, whatever the match keys."""
    match_count: int
    """Distinct pairs of actor and match keys; user_count if there are no match keys."""
    conversion_from_start: float | None
    """user_count as a share of the first step's; None if nobody has taken that."""
    conversion_from_previous: float | None
    """As a share of the previous step; 1 at the first."""
    median_seconds: float | None
    """From the first step to this one. For each actor and match keys, the chain that
    reaches it first is measured; of several such chains, the one that began last."""
    p90_seconds: float | None
    median_seconds_from_previous: float | None
    """From the previous step of the chain; None at the first and with Order.ANY."""
