"""The files that the tests of expiry and deletion deliver, and how they are counted."""

import json

import psycopg
from psycopg import sql

from event_warehouse.settings import Settings

FEEDS = """
visits:
  files: visits/*
  format: json_lines
  strip_nul: true
  fields: {tenant_id: tenant, event_time: at}
  identity: [event_id]
products:
  files: products/*
  format: json_lines
  kind: reference
  time_format: iso8601
  fields: {tenant_id: tenant, entity_id: code, event_time: at}
"""


def visit(**fields: object) -> str:
    record = {"tenant": "acme", "at": "2025-03-10T10:00:00Z", "event_type": "view"}
    return json.dumps({**record, **fields}) + "\n"


JANUARY = (
    visit(event_id=1, at="2025-01-05T10:00:00Z", user_id="ada", device_id="ada-phone")
    + visit(event_id=2, at="2025-01-05T11:00:00Z", user_id="bob", device_id="laptop")
    + visit(event_id=2, at="2025-01-05T11:00:00Z", user_id="bob", device_id="laptop")
    + visit(event_id=3, at="2025-01-31T23:59:59.999999Z", user_id="ada")
    + visit(event_id=4, at="2025-01-05T10:00:00Z", user_id="ada", tenant="zeta")
    + visit(event_id=5, at="never", user_id="ada")
    + "no json\n"
)
"""Five events and a repeat, of which six are of January; a bad time, a bad line."""
MARCH = (
    visit(
        event_id=11,
        user_id="ada",
        device_id="ada-phone",
        session_id="ada-s1",
        service="pearl",
        colour="red",
        plan={"coupon": {"pearl": "opal"}},
    )
    + visit(event_id=12, user_id="ada", device_id="tablet", friend="eve")
    + visit(event_id=12, user_id="ada", device_id="tablet", friend="eve")
    + visit(
        event_id=13,
        user_id="bob",
        device_id="tablet",
        session_id="bob-s1",
        colour="red",
    )
    + visit(event_id=14, user_id="ada", at="yesterday", secret="ada@example.org")
    + visit(event_id=15, user_id="ada", tenant="zeta", device_id="ada-phone")
    + visit(event_id=16, user_id="ada", at="2025-03-01T00:00:00Z", secret="of-ada")
    + visit(event_id=17, user_id="ada", note="a\0b")
    + visit(event_id=18, user_id="adam", entity_id="p-1")
    + visit(event_id=19, at="2025-03-12T00:00:00Z", user_id="bob", friend="ada")
    + '{"user_id": "ada", torn\n'
)


def ask(settings: Settings, text: str) -> list[tuple[object, ...]]:
    """Rows of a query, as the owner."""
    with psycopg.connect(settings.dsn) as connection:
        return connection.execute(sql.SQL(text)).fetchall()


def every_table(settings: Settings) -> dict[str, list[str]]:
    """Rows of every table of the warehouse as text, sorted; no views, no parts."""
    tables = ask(
        settings,
        """
        select quote_ident(nspname) || '.' || quote_ident(relname)
        from pg_class inner join pg_namespace on relnamespace = pg_namespace.oid
        where relkind in ('r', 'p') and not relispartition
            and nspname not in ('pg_catalog', 'information_schema')
        """,
    )
    return {
        str(table): sorted(
            str(row[0]) for row in ask(settings, f"select t::text from {table} as t")
        )
        for (table,) in tables
    }
