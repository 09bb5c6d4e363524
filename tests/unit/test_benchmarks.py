"""The benchmarks work on a warehouse of their own, and notice a wrong answer."""

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.dashboards import DASHBOARDS, EVENTS, MARTS, Answer, Dashboard
from benchmarks.dashboards import check_alike as check
from benchmarks.events import COUNTRIES
from benchmarks.explained import Cost, costs_by_model
from benchmarks.measured import WrongAnswer
from benchmarks.shop import FEEDS as SHOP_FEEDS
from benchmarks.shop import files_of, write_products
from benchmarks.warehouse import FEED, FEEDS, empty, settings_of
from event_warehouse.errors import SettingError
from event_warehouse.feeds import read_feeds
from event_warehouse.settings import read_settings

SOMEONES = "postgresql://ada:secret@db.example/events"
DEVICES = Dashboard("devices", "devices by hour", estimated=(1,))


def test_warehouse_that_the_environment_names_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_DSN", SOMEONES)
    monkeypatch.setenv("WAREHOUSE_LANDING", "/mnt/drop")

    settings = settings_of(tmp_path)

    assert settings.external_dsn is None
    assert settings.landing.is_relative_to(tmp_path)


def test_warehouse_of_a_server_is_never_emptied() -> None:
    with pytest.raises(SettingError, match="its own warehouse and no other"):
        empty(read_settings({"WAREHOUSE_DSN": SOMEONES}))


def test_feeds_of_the_benchmarks_are_accepted() -> None:
    assert FEED in read_feeds(FEEDS)
    assert read_feeds(SHOP_FEEDS)


def test_same_rows_in_another_order_are_alike() -> None:
    check(DEVICES, [("1", "7"), ("2", "9")], [("2", "9"), ("1", "7")])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param([("1", "7")], [("1", "8")], id="estimate that has to be exact"),
        pytest.param([("1", "2000")], [("1", "3000")], id="estimate far off"),
        pytest.param([("2100", "7")], [("2000", "7")], id="column that is no estimate"),
        pytest.param([("1", "7")], [("1", "7"), ("2", "9")], id="row missing"),
        pytest.param([], [], id="no rows to compare"),
    ],
)
def test_other_answer_is_wrong(
    ours: list[tuple[str, ...]], theirs: list[tuple[str, ...]]
) -> None:
    with pytest.raises(WrongAnswer):
        check(DEVICES, ours, theirs)


def test_large_number_may_be_estimated() -> None:
    check(DEVICES, [("1", "2100")], [("1", "2000")])


def test_p95_is_the_time_that_19_of_20_runs_stay_within() -> None:
    seconds = [float(second) for second in range(20, 0, -1)]

    assert Answer(seconds, []).p95 == 19
    assert Answer([3.0], []).p95 == 3


def test_every_dashboard_has_a_query_of_each_side() -> None:
    names = {dashboard.name for dashboard in DASHBOARDS}

    assert len(names) == 8
    assert set(MARTS) == names
    assert set(EVENTS) == names


def test_files_hold_all_lines_in_order(tmp_path: Path) -> None:
    whole = tmp_path / "events.csv"
    whole.write_text("n\n" + "".join(f"{number}\n" for number in range(10)))

    files = files_of(whole, 3)

    lines = [file.read_text().splitlines() for file in files]
    assert [line[0] for line in lines] == ["n", "n", "n"]
    assert [int(n) for line in lines for n in line[1:]] == list(range(10))


def test_products_are_the_same_each_time_and_have_each_country_once(
    tmp_path: Path,
) -> None:
    write_products(tmp_path / "one.csv")
    write_products(tmp_path / "two.csv")

    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    products = pd.read_csv(tmp_path / "one.csv")
    countries = [text.split(",") for text in products.countries]
    assert {len(names) for names in countries} == {1, 2, 3}
    assert all(len(set(names)) == len(names) for names in countries)
    assert set().union(*countries) == set(COUNTRIES)
    assert not products.duplicated(["tenant_id", "entity_id"]).any()


def test_costs_of_a_model_s_statements_add_up_and_others_do_not_count() -> None:
    log = (
        _entry("model.event_warehouse.events", 2.5, hit=10, read=1, wal=100)
        + "2026-11-22 10:00:00.000 UTC [7] LOG:  checkpoint starting: immediate\n"
        + _entry("model.event_warehouse.events", 0.5, hit=3, read=0, wal=0)
        + _entry("model.event_warehouse.dim_users", 1.0, hit=4, read=0, wal=8)
        + _entry(None, 9.0, hit=99, read=99, wal=99)
    )

    assert costs_by_model(log) == {
        "events": Cost(3.0, 14, 100),
        "dim_users": Cost(1.0, 4, 8),
    }


def _entry(node: str | None, duration: float, *, hit: int, read: int, wal: int) -> str:
    """As Postgres writes it, whose lines after the first begin with a tab."""
    comment = f'/* {{"app": "dbt", "node_id": "{node}"}} */ ' if node else ""
    plan = {
        "Query Text": f"{comment}insert into it\nselect 1",
        "Plan": {
            "Node Type": "ModifyTable",
            "Shared Hit Blocks": hit,
            "Shared Read Blocks": read,
            "WAL Bytes": wal,
            "Plans": [
                {"Shared Hit Blocks": 1, "Shared Read Blocks": 0, "WAL Bytes": 0}
            ],
        },
    }
    lines = "".join(f"\t{line}\n" for line in json.dumps(plan, indent=2).splitlines())
    return f"2026-11-22 10:00:00 UTC [7] LOG:  duration: {duration} ms  plan:\n{lines}"
