"""Declared funnels are read from their file, or refused with entry and reason."""

from pathlib import Path

import pytest
from psycopg import sql

from event_warehouse.funnels.declared import read_funnels
from event_warehouse.funnels.definition import Funnel, FunnelError, Order, Step
from event_warehouse.settings import PROJECT


def read(folder: Path, text: str) -> dict[str, object]:
    file = folder / "funnels.yml"
    file.write_text(text)
    return {name: funnel.as_json() for name, funnel in read_funnels(file).items()}


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(FunnelError) as caught:
        read(folder, text)
    return str(caught.value)


def test_shipped_funnels_are_declared_rightly() -> None:
    assert {"purchase", "product_to_cart"} <= set(read_funnels(PROJECT / "funnels.yml"))


def test_declaration_is_kept_as_the_functions_take_it(tmp_path: Path) -> None:
    declared = read(
        tmp_path,
        """
        bought:
          order: strict
          window: 2 days
          match: [entity_id, item.colour]
          breakdown: country
          steps:
            - view
            - step: bought
              event_type: [buy, order]
              where: {item.size: s, status: ["200", "201"]}
              window: 90 minutes
        """,
    )

    assert declared["bought"] == {
        "order": "strict",
        "window_seconds": 172_800.0,
        "match": ["entity_id", "item.colour"],
        "breakdown": "country",
        "steps": [
            {
                "step": "view",
                "event_types": ["view"],
                "where": {},
                "window_seconds": None,
            },
            {
                "step": "bought",
                "event_types": ["buy", "order"],
                "where": {"item.size": ["s"], "status": ["200", "201"]},
                "window_seconds": 5_400.0,
            },
        ],
    }


def test_step_is_called_after_its_only_event_type(tmp_path: Path) -> None:
    declared = read(
        tmp_path, "f: {window: 1 day, steps: [a, {event_type: b, where: {x: y}}]}"
    )

    steps = declared["f"]["steps"]  # type: ignore[index]
    assert [step["step"] for step in steps] == ["a", "b"]


def test_file_with_nothing_in_it_declares_no_funnel(tmp_path: Path) -> None:
    assert read(tmp_path, "# none yet\n") == {}


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("{steps: [a, b]}", "window: is missing"),
        ("{steps: [a], window: 1 day}", "steps: Tuple should have at least 2 items"),
        (
            f"{{steps: [{', '.join(f's{n}' for n in range(21))}], window: 1 day}}",
            "steps: Tuple should have at most 20 items",
        ),
        ("{steps: [a, a], window: 1 day}", "two are called 'a'"),
        ("{steps: [a, {step: b}], window: 1 day}", "needs an event_type, or where"),
        ("{steps: [a, {event_type: [b, c]}], window: 1 day}", "steps.1.step"),
        ("{steps: [a, b], window: a day}", "'a day' is not like 30 minutes"),
        ("{steps: [a, b], window: 0 days}", "'0 days' is not like 30 minutes"),
        ("{steps: [a, b], window: 91 days}", "window: Input should be less than"),
        ("{steps: [a, b], window: 1 day, order: exact}", "order: must be"),
        ("{steps: [a, b], window: 1 day, by: country}", "by: is not known here"),
        (
            "{steps: [{event_type: a, window: 1 hour}, b], window: 1 day}",
            "the first step has none before it",
        ),
        (
            "{steps: [a, {event_type: b, window: 1 hour}], window: 1 day, order: any}",
            "in any order a step has none before it",
        ),
        ("{name: g, steps: [a, b], window: 1 day}", "its key is its name"),
        ("none", "has no declaration"),
    ],
)
def test_wrong_entry_is_refused_with_its_reason(
    tmp_path: Path, entry: str, reason: str
) -> None:
    message = refusal(tmp_path, f"f: {entry}")

    assert "funnel 'f'" in message
    assert reason in message


def test_wrong_name_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, "F-1: {steps: [a, b], window: 1 day}")

    assert "name: must be lower-case letters" in message


def test_entry_that_stands_twice_is_refused(tmp_path: Path) -> None:
    entry = "f: {steps: [a, b], window: 1 day}\n"

    assert "'f' is declared twice" in refusal(tmp_path, entry * 2)


def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FunnelError, match="can't be read"):
        read_funnels(tmp_path / "none.yml")


def steps(*windows: float | None) -> tuple[Step, ...]:
    return tuple(Step("s", sql.SQL("true"), window) for window in windows)


@pytest.mark.parametrize(
    ("taken", "order", "window", "reason"),
    [
        (steps(None), Order.ORDERED, None, "there are 1; it must be 2 to 20"),
        (steps(*[None] * 21), Order.ORDERED, None, "there are 21"),
        (steps(1, None), Order.ORDERED, None, "the first step"),
        (steps(None, 1), Order.ANY, None, "any order"),
        (steps(None, 0), Order.ORDERED, None, "more than 0 seconds"),
        (steps(None, None), Order.ORDERED, -1, "more than 0 seconds"),
        (steps(None, None), Order.ORDERED, float("nan"), "more than 0 seconds"),
    ],
)
def test_what_is_no_funnel_is_refused(
    taken: tuple[Step, ...], order: Order, window: float | None, reason: str
) -> None:
    with pytest.raises(FunnelError, match=reason):
        Funnel(taken, order, window)
