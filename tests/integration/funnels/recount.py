"""Funnels by looking at every chain there is; shares nothing with the warehouse."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from math import inf


@dataclass(frozen=True)
class Rules:
    """What a chain has to meet; the windows in seconds."""

    order: str
    window: float = inf
    step_windows: Sequence[float] = ()
    """Of each step; the first's means nothing."""


@dataclass(frozen=True)
class Happened:
    """An event: when, under which id, and the numbers of the steps that it is."""

    at: float
    id: str = ""
    steps: frozenset[int] = frozenset()
    breakdown: str | None = None

    @property
    def place(self) -> tuple[float, bytes]:
        return self.at, self.id.encode()


Progress = list[tuple[float, float | None]]
"""Of each step reached: seconds from the first step and from the one before."""


def progress(
    events: Sequence[Happened],
    step_count: int,
    rules: Rules,
    first: tuple[float, float] = (-inf, inf),
) -> Progress:
    """What the events of one user and match keys reach."""
    moments = [
        (at, frozenset().union(*(event.steps for event in together)))
        for (at, _), together in groupby(
            sorted(events, key=lambda event: event.place), key=lambda event: event.place
        )
    ]
    chains = _sets_of_steps if rules.order == "any" else _chains
    reached: Progress = []
    for count in range(1, step_count + 1):
        found = chains(moments, count, rules, first)
        if not found:
            break
        place, start, before = min(found, key=lambda chain: _choice(*chain))
        end = moments[place][0]
        reached.append((end - start, None if before is None else end - before))
    return reached


def _choice(place: int, start: float, before: float | None) -> tuple[int, float, float]:
    return place, -start, -(before or 0)


Moments = Sequence[tuple[float, frozenset[int]]]
Chains = set[tuple[int, float, float | None]]
"""Of each: the place of its end, the times of its start and of the step before."""


def _chains(
    moments: Moments, count: int, rules: Rules, first: tuple[float, float]
) -> Chains:
    """Every chain; the paths to a moment have start and the step before."""
    windows = rules.step_windows or [inf] * count
    paths: list[set[tuple[float, float]]] = [
        {(at, at)} if 1 in steps and first[0] <= at < first[1] else set()
        for at, steps in moments
    ]
    for step in range(2, count + 1):
        longer: list[set[tuple[float, float]]] = []
        for place, (at, steps) in enumerate(moments):
            befores = (
                range(place - 1, place)
                if rules.order == "strict" and place
                else range(0 if rules.order == "strict" else place)
            )
            longer.append(
                {
                    (start, moments[before][0])
                    for before in befores
                    for start, _ in paths[before]
                    if step in steps
                    and at - moments[before][0] <= windows[step - 1]
                    and at - start <= rules.window
                }
            )
        paths = longer
    return {
        (place, start, before)
        for place, found in enumerate(paths)
        for start, before in found
    }


def _sets_of_steps(
    moments: Moments, count: int, rules: Rules, first: tuple[float, float]
) -> Chains:
    """Every choice of one moment for each step."""
    choices = [
        [
            place
            for place, (at, steps) in enumerate(moments)
            if step in steps and (step > 1 or first[0] <= at < first[1])
        ]
        for step in range(1, count + 1)
    ]
    return {
        (max(chosen), moments[min(chosen)][0], None)
        for chosen in product(*choices)
        if moments[max(chosen)][0] - moments[min(chosen)][0] <= rules.window
    }


Group = tuple[str | None, ...]
"""Tenant, user and match keys."""
Counts = Mapping[tuple[str | None, int], tuple[int, int, list[float], list[float]]]
"""By breakdown and step: users, users with match keys, the seconds of each of these
from the first step and from the one before."""


def counts(
    groups: Mapping[Group, Sequence[Happened]],
    step_count: int,
    rules: Rules,
    first: tuple[float, float] = (-inf, inf),
) -> Counts:
    """Who reached what, of groups of which no tenant, user or key is missing."""
    reached: dict[tuple[str | None, int], list[tuple[Group, float, float | None]]]
    reached = defaultdict(list)
    for group, events in groups.items():
        taken = progress(events, step_count, rules, first)
        for step, (seconds, before) in enumerate(taken, 1):
            value = _breakdown(events, first)
            reached[value, step].append((group[:2], seconds, before))
    return {
        key: (
            len({user for user, _, _ in found}),
            len(found),
            [seconds for _, seconds, _ in found],
            [before for _, _, before in found if before is not None],
        )
        for key, found in reached.items()
    }


def _breakdown(events: Iterable[Happened], first: tuple[float, float]) -> str | None:
    """Of the first event of step 1; of several at once, the first in order of bytes."""
    firsts = (
        event
        for event in events
        if 1 in event.steps and first[0] <= event.at < first[1]
    )
    return min(
        firsts,
        key=lambda one: (
            one.place,
            one.breakdown is None,
            (one.breakdown or "").encode(),
        ),
    ).breakdown


Step = tuple[
    str | None, int, int, int, float | None, float | None, float | None, float | None,
    float | None,
]  # fmt: skip
"""Breakdown, number, users, matches, both conversions, median, p90, median before."""


def table(found: Counts, step_count: int, *, is_broken_down: bool) -> list[Step]:
    """The rows of an answer."""
    values = {value for value, _ in found} if is_broken_down else {None}
    rows: list[Step] = []
    for value in sorted(values, key=lambda one: (one is None, one or "")):
        users = [
            found.get((value, step), (0, 0, [], []))
            for step in range(1, step_count + 1)
        ]
        for step, (count, matches, seconds, befores) in enumerate(users, 1):
            start, previous = users[0][0], users[max(step - 2, 0)][0]
            rows.append(
                (
                    value,
                    step,
                    count,
                    matches,
                    _share(count, start),
                    _share(count, previous),
                    percentile(seconds, 0.5),
                    percentile(seconds, 0.9),
                    percentile(befores, 0.5) if step > 1 else None,
                )
            )
    return rows


def _share(count: int, of: int) -> float | None:
    return count / of if of else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """Between the two values around that share of them."""
    if not values:
        return None
    in_order = sorted(values)
    place = share * (len(in_order) - 1)
    low = int(place)
    high = min(low + 1, len(in_order) - 1)
    return in_order[low] + (in_order[high] - in_order[low]) * (place - low)


def grouped(
    events: Iterable[Mapping[str, object]],
    steps: Sequence[Callable[[Mapping[str, object]], bool]],
    *,
    keys: Sequence[str],
    breakdown: str | None = None,
) -> dict[Group, list[Happened]]:
    """Events with `at` and event fields by the group that they are of."""
    groups: dict[Group, list[Happened]] = defaultdict(list)
    for event in events:
        group = tuple(event.get(key) for key in ("tenant_id", "user_id", *keys))
        if None not in group:
            groups[group].append(  # type: ignore[index]
                Happened(
                    float(str(event["at"])),
                    str(event.get("event_id") or ""),
                    frozenset(
                        n for n, is_step in enumerate(steps, 1) if is_step(event)
                    ),
                    None if breakdown is None else event.get(breakdown),  # type: ignore[arg-type]
                )
            )
    return groups
