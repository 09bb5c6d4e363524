"""Activity by owner, brand and country follows what is known of the products now."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.reports.accounting import verify
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query

FEEDS = """
edits:
  files: edits/*
  format: json_lines
  fields: {tenant_id: tenant, event_time: at}
  identity: [event_id]
products:
  kind: reference
  files: products/*
  format: json_lines
  fields: {tenant_id: tenant, entity_id: code, event_time: version}
  time_format: version_number
"""
Record = dict[str, Any]

EDITS: Sequence[tuple[str, str, str | None]] = [
    # tenant, time, product
    ("acme", "2025-01-31T23:59:59Z", "p1"),
    ("acme", "2025-02-01T00:30:00+01:00", "p1"),
    ("acme", "2025-02-01T00:00:00Z", "p1"),
    ("acme", "2025-02-01T00:00:00Z", "p2"),
    ("acme", "2025-02-02T00:00:00Z", "p2"),
    ("acme", "2025-02-02T00:00:00Z", "p3"),
    ("acme", "2025-02-02T00:00:00Z", "p4"),
    ("acme", "2025-02-02T00:00:00Z", "unheard of"),
    ("acme", "2025-02-02T00:00:00Z", None),
    ("zeta", "2025-02-02T00:00:00Z", "p1"),
]
LATE_EDITS = [
    ("acme", "2025-01-31T12:00:00Z", "p3"),
    ("zeta", "2025-02-02T00:00:00Z", "p5"),
]
PRODUCTS: Sequence[Record] = [
    {"code": "p1", "version": 1, "owner": "o1", "brand": "A", "countries": ["DE"]},
    # The other spelling of brand and countries; a country twice; one with a space.
    {"code": "p2", "version": 1, "brands": "A", "countries_tags": ["DE", "FR", "DE"]},
    {"code": "p3", "version": 1, "owner": "o2", "brand": "B", "countries": "DE, FR"},
    # Known, but nothing is known of it.
    {"code": "p4", "version": 1},
    # No event is about it.
    {"code": "p6", "version": 1, "owner": "o1", "brand": "A", "countries": ["DE"]},
    {"tenant": "zeta", "code": "p1", "version": 1, "owner": "o3", "brand": "Z"},
]
CHANGES: Sequence[Record] = [
    {"code": "p1", "version": 2, "owner": "o2", "brand": "B", "countries": ["IT"]},
    {"code": "p2", "version": 0, "brands": "old", "countries_tags": ["old"]},
    {"code": "p4", "version": 2, "owner": "o1", "brand": "C", "countries": "FR"},
]


@pytest.fixture
def settings(built_warehouse: Settings) -> Settings:
    feeds = built_warehouse.home / "feeds.yml"
    feeds.write_text(FEEDS)
    return replace(built_warehouse, feeds=feeds)


def edit_lines(edits: Sequence[tuple[str, str, str | None]], start: int) -> str:
    return "".join(
        json.dumps({"tenant": t, "at": at, "entity_id": p, "event_id": str(n)}) + "\n"
        for n, (t, at, p) in enumerate(edits, start)
    )


def product_lines(products: Sequence[Record]) -> str:
    return "".join(json.dumps({"tenant": "acme", **one}) + "\n" for one in products)


def of_product(product: Record, by: str) -> set[str]:
    """The owner, brand or countries that a record of a product names."""
    if by == "country":
        countries: Any = product.get("countries", product.get("countries_tags", []))
        named = countries.split(",") if isinstance(countries, str) else countries
    elif by == "brand":
        named = [product.get("brand", product.get("brands"))]
    else:
        named = [product.get("owner")]
    return {one.strip() for one in named if one} or {"unknown"}


def recount(
    edits: Sequence[tuple[str, str, str | None]],
    products: Mapping[tuple[str, str], Record],
    by: str,
    days: Mapping[str, date],
) -> set[tuple[Any, ...]]:
    counts: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for tenant, at, product in edits:
        if product is not None:
            for value in of_product(products.get((tenant, product), {}), by):
                counts[tenant, days[at], value].append(product)
    return {(*key, len(found), len(set(found))) for key, found in counts.items()}


def newest(*versions: Sequence[Record]) -> dict[tuple[str, str], Record]:
    kept: dict[tuple[str, str], Record] = {}
    for one in (one for some in versions for one in some):
        key = one.get("tenant", "acme"), one["code"]
        if one["version"] >= kept.get(key, one)["version"]:
            kept[key] = one
    return kept


DAYS = {
    "2025-01-31T12:00:00Z": date(2025, 1, 31),
    "2025-01-31T23:59:59Z": date(2025, 1, 31),
    "2025-02-01T00:30:00+01:00": date(2025, 1, 31),
    "2025-02-01T00:00:00Z": date(2025, 2, 1),
    "2025-02-02T00:00:00Z": date(2025, 2, 2),
}
MONTHS = {at: day.replace(day=1) for at, day in DAYS.items()}


def assert_tells(
    settings: Settings,
    query: Query,
    edits: Sequence[tuple[str, str, str | None]],
    *versions: Sequence[Record],
) -> None:
    """Each mart is the recount by the newest of these versions."""
    for by in ("owner", "brand", "country"):
        for grain, column, starts in (
            ("daily", "event_date", DAYS),
            ("monthly", "event_month", MONTHS),
        ):
            mart = f"entity_activity_by_{by}_{grain}"
            found = query(
                settings,
                f"select tenant_id, {column}, {by}, event_count, entity_count"
                f" from marts.{mart}",
            )
            expected = recount(edits, newest(*versions), by, starts)
            assert len(found) == len(set(found)), mart
            assert set(found) == expected, mart
    assert verify(settings).problems == ()


def test_activity_follows_products_that_come_after_the_events_and_change(
    settings: Settings, land: Land, query: Query
) -> None:
    land(settings, "edits/a", edit_lines(EDITS, 0))
    load_new_files(settings)
    transform(settings)
    assert_tells(settings, query, EDITS)

    land(settings, "products/a", product_lines(PRODUCTS))
    load_new_files(settings)
    transform(settings)
    assert_tells(settings, query, EDITS, PRODUCTS)

    land(settings, "products/b", product_lines(CHANGES))
    land(settings, "edits/b", edit_lines(LATE_EDITS, 100))
    load_new_files(settings)
    transform(settings)
    assert_tells(settings, query, [*EDITS, *LATE_EDITS], PRODUCTS, CHANGES)


@pytest.mark.long
def test_activity_is_the_same_when_products_come_first_and_after_a_full_refresh(
    settings: Settings, land: Land, query: Query
) -> None:
    land(settings, "products/a", product_lines([*PRODUCTS, *CHANGES]))
    load_new_files(settings)
    transform(settings)
    land(settings, "edits/a", edit_lines(EDITS, 0))
    load_new_files(settings)
    transform(settings)
    assert_tells(settings, query, EDITS, PRODUCTS, CHANGES)

    transform(settings, full_refresh=True)
    assert_tells(settings, query, EDITS, PRODUCTS, CHANGES)


@pytest.mark.long
def test_keys_of_products_and_users_are_given_once_and_for_ever(
    settings: Settings, land: Land, query: Query
) -> None:
    keys = "select tenant_id, entity_id, entity_key from analytics.dim_entities"
    land(settings, "edits/a", edit_lines(EDITS, 0))
    load_new_files(settings)
    transform(settings)
    before = query(settings, keys)

    land(settings, "products/a", product_lines(PRODUCTS))
    land(settings, "edits/b", edit_lines(LATE_EDITS, 100))
    load_new_files(settings)
    transform(settings)
    transform(settings, full_refresh=True)

    after = query(settings, keys)
    assert set(before) < set(after)
    assert len({key for *_, key in after}) == len(after)
    assert ("zeta", "p5") in {(tenant, entity) for tenant, entity, _ in after}
