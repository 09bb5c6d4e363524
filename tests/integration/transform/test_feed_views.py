"""A view of each feed has the attributes that it declares as columns of their types."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from event_warehouse.load.files import load_new_files
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.fixture_types import Land, Query

HEAD = """
orders:
  description: "What was ordered: 100 % of it, the shop's {{ own }}; no more."
  files: orders/*
  format: json_lines
  fields: {tenant_id: {constant: shop}}
"""
ATTRIBUTES = """\
  attributes:
    amount: numeric
    pieces: integer
    is_gift: boolean
    paid_at: timestamp
    due: date
    note: text
    basket: json
    buyer.address.city: text
    tenant_id.name: text
    version: integer
    load_id: text
    Größe: integer
"""
PRODUCTS = """
products:
  kind: reference
  files: products/*
  format: json_lines
  fields: {tenant_id: {constant: shop}, entity_id: code, event_time: version}
  time_format: version_number
  attributes: {price: numeric, "maker.name": text, version_note: text}
"""
ORDER = (
    '{"event_id":"1","event_time":"2025-01-01T10:00:00Z","amount":12.50,"pieces":3,'
    '"is_gift":true,"paid_at":"2025-03-30T03:00:00+02:00","due":"2025-02-28",'
    '"note":"","basket":{"p1":[1,2]},"buyer":{"address":{"city":"Bonn"}},'
    '"load_id":"of the sender","Größe":42,"other":"kept"}\n'
)
BARE = '{"event_id":"2","event_time":"2025-01-01T11:00:00Z"}\n'
OID = "select 'analytics.orders'::regclass::oid"


@pytest.fixture
def settings(built_warehouse: Settings) -> Settings:
    return declare(built_warehouse, HEAD + ATTRIBUTES)


def declare(settings: Settings, feeds: str) -> Settings:
    path = settings.home / "feeds.yml"
    path.write_text(feeds)
    return replace(settings, feeds=path)


def run(settings: Settings) -> None:
    load_new_files(settings)
    transform(settings)


def columns_of(settings: Settings, query: Query, view: str) -> dict[object, object]:
    rows = query(
        settings,
        "select column_name, data_type from information_schema.columns"
        " where table_schema = 'analytics' and table_name = %s",
        view,
    )
    return {name: kind for name, kind in rows}


def test_declared_attributes_are_typed_columns_told_from_event_fields(
    settings: Settings, land: Land, query: Query
) -> None:
    land(settings, "orders/a", ORDER + BARE)
    run(settings)

    assert query(
        settings,
        """
        select event_id, amount, pieces, is_gift, paid_at, due, note, basket
        from analytics.orders order by event_id
        """,
    ) == [
        (
            "1",
            Decimal("12.50"),
            3,
            True,
            datetime(2025, 3, 30, 1, tzinfo=UTC),
            date(2025, 2, 28),
            "",
            {"p1": [1, 2]},
        ),
        ("2", None, None, None, None, None, None, None),
    ]
    columns = columns_of(settings, query, "orders")
    assert [columns[name] for name in ("amount", "pieces", "is_gift", "paid_at")] == [
        "numeric",
        "bigint",
        "boolean",
        "timestamp with time zone",
    ]
    assert [columns[name] for name in ("due", "note", "basket")] == [
        "date",
        "text",
        "jsonb",
    ]

    # A path into an object has its steps in the column's name.
    assert query(
        settings,
        'select buyer_address_city, "Größe" from analytics.orders'
        " where event_id = '1'",
    ) == [("Bonn", 42)]

    # An event field's name is the field's.
    assert query(
        settings,
        """
        select attribute_load_id, orders.load_id = loads.load_id, tenant_id
        from analytics.orders inner join raw.loads using (load_id)
        where event_id = '1'
        """,
    ) == [("of the sender", True, "shop")]

    # What is not declared can still be read.
    assert query(
        settings,
        "select attributes ->> 'other', attributes -> 'amount' from analytics.orders"
        " where event_id = '1'",
    ) == [("kept", 12.5)]
    # Whatever a description holds; and readers of marts read no events.
    assert query(
        settings,
        "select split_part(obj_description('analytics.orders'::regclass), ' (decl', 1)",
    ) == [("What was ordered: 100 % of it, the shop's {{ own }}; no more.",)]
    assert query(
        settings,
        "select has_table_privilege('warehouse_reader', 'analytics.orders', 'select')",
    ) == [(False,)]


def test_view_has_its_own_feed_s_events_and_no_others(
    settings: Settings, land: Land, query: Query
) -> None:
    both = declare(settings, HEAD + HEAD.replace("orders", "returns"))
    land(both, "orders/a", ORDER)
    land(both, "returns/a", BARE)
    run(both)

    assert query(both, "select event_id from analytics.orders") == [("1",)]
    assert query(both, "select event_id from analytics.returns") == [("2",)]


@pytest.mark.long
def test_value_from_before_its_type_was_declared_is_null_if_it_has_another(
    settings: Settings, land: Land, query: Query
) -> None:
    untyped = declare(settings, HEAD)
    land(
        untyped,
        "orders/a",
        '{"event_id":"1","event_time":"2025-01-01T10:00:00Z","pieces":"3"}\n'
        '{"event_id":"2","event_time":"2025-01-01T10:00:00Z","pieces":"three"}\n'
        '{"event_id":"3","event_time":"2025-01-01T10:00:00Z","pieces":""}\n'
        '{"event_id":"4","event_time":"2025-01-01T10:00:00Z","pieces":9e99}\n',
    )
    run(untyped)
    assert "pieces" not in columns_of(untyped, query, "orders")

    typed = declare(settings, HEAD + "  attributes: {pieces: integer}\n")
    land(typed, "orders/b", BARE)
    run(typed)

    assert query(
        typed,
        "select event_id, pieces from analytics.orders"
        " where attributes ->> 'pieces' <> 'three' order by 1",
    ) == [("1", 3), ("3", None), ("4", None)]
    assert query(
        typed,
        "select pieces, attributes ->> 'pieces' from analytics.orders"
        " where attributes ->> 'pieces' = 'three'",
    ) == [(None, "three")]


def test_view_follows_a_declaration_that_changed(
    settings: Settings, land: Land, query: Query
) -> None:
    land(settings, "orders/a", ORDER)
    run(settings)

    changed = declare(settings, HEAD + "  attributes: {amount: text, other: text}\n")
    land(changed, "orders/b", BARE)
    run(changed)

    columns = columns_of(changed, query, "orders")
    assert (columns["amount"], columns["other"]) == ("text", "text")
    assert "pieces" not in columns
    assert query(
        changed, "select amount, other from analytics.orders where event_id = '1'"
    ) == [("12.50", "kept")]


def test_what_others_built_on_a_view_stays_when_its_declaration_changes(
    settings: Settings, land: Land, query: Query
) -> None:
    settings = declare(settings, HEAD + "  attributes: {pieces: integer}\n")
    land(settings, "orders/a", ORDER)
    run(settings)
    with psycopg.connect(settings.dsn) as connection:
        connection.execute(
            "create view marts.large_orders as select * from analytics.orders"
        )

    # More attributes come behind what was there.
    more = declare(
        settings, HEAD + "  attributes: {amount: numeric, pieces: integer}\n"
    )
    land(more, "orders/b", BARE)
    run(more)
    assert columns_of(more, query, "orders")["amount"] == "numeric"
    assert query(more, "select count(*) from marts.large_orders") == [(2,)]

    # One that can't be what it was would take the other view with it.
    changed = declare(settings, HEAD + "  attributes: {pieces: text}\n")
    land(changed, "orders/c", BARE.replace('"2"', '"3"'))
    run(changed)
    assert columns_of(changed, query, "orders")["pieces"] == "bigint"
    assert query(changed, "select count(*) from marts.large_orders") == [(3,)]

    with psycopg.connect(settings.dsn) as connection:
        connection.execute("drop view marts.large_orders, analytics.orders")
    land(changed, "orders/d", BARE.replace('"2"', '"4"'))
    run(changed)
    assert columns_of(changed, query, "orders")["pieces"] == "text"
    assert "amount" not in columns_of(changed, query, "orders")


def test_nothing_is_made_anew_when_nothing_has_changed(
    settings: Settings, land: Land, query: Query
) -> None:
    land(settings, "orders/a", ORDER)
    run(settings)
    before = query(settings, OID)

    land(settings, "orders/b", BARE)
    run(settings)

    assert query(settings, OID) == before
    assert query(settings, "select count(*) from analytics.orders") == [(2,)]


def test_reference_feed_shows_its_newest_records(
    settings: Settings, land: Land, query: Query
) -> None:
    settings = declare(settings, PRODUCTS)
    land(
        settings,
        "products/a",
        '{"code":"p1","version":2,"price":2.5,"maker":{"name":"A"}}\n'
        '{"code":"p2","version":1}\n',
    )
    run(settings)
    land(
        settings,
        "products/b",
        '{"code":"p1","version":3,"price":3,"maker":{"name":"B"}}\n'
        '{"code":"p2","version":0,"price":9}\n',
    )
    run(settings)

    assert query(
        settings,
        "select entity_id, version::int, price, maker_name"
        " from analytics.products order by 1",
    ) == [("p1", 3, Decimal(3), "B"), ("p2", 1, None, None)]
