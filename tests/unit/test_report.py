"""What is printed is what the tables hold, whatever that looks like."""

from dataclasses import fields
from typing import Any

from rich.console import Console

from event_warehouse.reports.accounting import Accounting, LoadAccount
from event_warehouse.reports.printed import print_accounting


def printed(accounting: Accounting) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        print_accounting(accounting, console)
    return capture.get()


def failed(uri: str, feed: str = "f") -> Accounting:
    nothing: dict[str, Any] = {field.name: 0 for field in fields(LoadAccount)}
    said = {"feed": feed, "uri": uri, "status": "failed", "error": "is empty"}
    return Accounting((LoadAccount(**{**nothing, **said}),), (), 0)


def test_brackets_in_a_cell_are_part_of_the_value() -> None:
    for feed in ("dependabot[bot]", "x[/y]", "[red]z"):
        assert feed in printed(failed("file:///a.csv", feed))


def test_brackets_in_a_problem_are_part_of_it() -> None:
    assert "✗ file:///a[/b].csv as feed f failed" in printed(
        failed("file:///a[/b].csv")
    )


def test_what_would_steer_the_terminal_is_not_passed_on() -> None:
    output = printed(failed("file:///\x1b[2J.csv", feed="a\x1b]0;b\x07"))

    assert "\x1b" not in output
    assert "\x07" not in output


def test_all_accounted_for_is_said_in_a_sentence() -> None:
    assert "✓ records = raw rows + rejected lines" in printed(Accounting((), (), 0))
