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
    """Nothing of the same user and match keys lies between two steps."""
    ANY = "any"
    """All steps within the window, in whatever order."""


@dataclass(frozen=True)
class Step:
    """What an event must be to be this step."""

    name: str
    condition: sql.Composable
    """A boolean expression over `events`, such as `events.event_type = 'view'`; values
    in it are literals (sql.Literal) or constants of the caller, never spliced text."""
    window_seconds: float | None = None
    """How long after the step before it may be; not of the first step."""


@dataclass(frozen=True)
class Funnel:
    """Steps at strictly increasing (event_time, event_id) of one user.

    A user has reached step n if some chain of events takes the steps up to n and meets
    every window; it need not begin with the user's first event of step 1. Windows
    include their end. In any order, a user has reached step n if the first n steps have
    all been taken within the window, and one event may be several steps.

    Raises FunnelError for what is no funnel.
    """

    steps: tuple[Step, ...]
    order: Order = Order.ORDERED
    window_seconds: float | None = None
    """From the first step of a chain to its last; None if there is no limit."""
    match: tuple[sql.Composable, ...] = ()
    """Expressions over `events` that are the same in all steps of a chain. An event for
    which one is null is left out."""
    breakdown: sql.Composable | None = None
    """An expression over `events`; a chain counts under its text in the first event of
    step 1 that its user and match keys have."""
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
    """Distinct actors with match keys; the same as user_count if there are none."""
    conversion_from_start: float | None
    """user_count as a share of the first step's; None if nobody has taken that."""
    conversion_from_previous: float | None
    """As a share of the step before; 1 at the first."""
    median_seconds: float | None
    """From the first step, over the chains that reached this one: of each actor and
    match keys the chain that reaches it first, of those the one that began last."""
    p90_seconds: float | None
    median_seconds_from_previous: float | None
    """From the step before in the chain; None at the first step and in any order."""
