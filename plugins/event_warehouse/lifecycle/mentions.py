"""Where a text still stands in the warehouse, whatever the column."""

import json
import re
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

import psycopg
from psycopg import sql

from event_warehouse.database import load_statements

STATEMENTS = load_statements("event_warehouse.lifecycle", "mentions")
OF_TENANT = sql.SQL("tenant_id = %(tenant_id)s or tenant_id is null")
# The plain search first: it is the cheaper one, and finds almost nothing.
HAS_WORD = """
    count(*) filter (
        where exists (
            select
            from unnest(%(forms)s::text[]) as forms (form)
            where position(forms.form in {column}::text) > 0
        )
        and {column}::text ~ %(pattern)s
    )
"""
HAS_BYTES = """
    count(*) filter (
        where exists (
            select
            from unnest(%(forms)s::text[]) as forms (form)
            where position(convert_to(forms.form, 'UTF8') in {column}) > 0
        )
    )
"""


def find_mentions(
    connection: psycopg.Connection, *, tenant_id: str, value: str
) -> dict[str, int]:
    """Rows by table and column that have the value as a word of its own.

    Rows of another tenant are not looked at; those that say no tenant are. In bytes it
    counts wherever it stands.
    """
    forms = _forms_of(value)
    searched = {
        "tenant_id": tenant_id,
        "forms": forms,
        "pattern": _pattern_of(forms),
    }
    columns = connection.execute(STATEMENTS["columns"]).fetchall()
    found: dict[str, int] = {}
    for (schema, table, has_tenant), of_table in groupby(
        columns, key=itemgetter(0, 1, 2)
    ):
        names = [(name, is_bytes) for *_, name, is_bytes in of_table]
        count = _count(schema, table, has_tenant, names)
        row = connection.execute(count, searched).fetchone()
        for (name, _), rows in zip(names, row or (), strict=True):
            if rows:
                found[f"{schema}.{table}.{name}"] = int(rows)
    return found


def unread_tables(connection: psycopg.Connection) -> list[str]:
    """Tables in which nothing could be looked for."""
    return [table for (table,) in connection.execute(STATEMENTS["unread"])]


def searched_in_bytes(value: str) -> dict[str, object]:
    """Parameters: what to look for, and as what word encode(..., 'escape') has it.

    A letter that is not ASCII is a backslash and three digits there.
    """
    forms = _forms_of(value)
    pattern = _pattern_of(map(_as_escaped_bytes, forms)) + r"(?!\\[1-3])"
    return {"forms": forms, "pattern": pattern}


def _forms_of(value: str) -> list[str]:
    """As JSON has it, too, where a quote or a backslash is written as two."""
    return sorted({value, json.dumps(value, ensure_ascii=False)[1:-1]})


def _pattern_of(forms: Iterable[str]) -> str:
    return r"(?<!\w)(" + "|".join(map(_escaped, forms)) + r")(?!\w)"


def _as_escaped_bytes(text: str) -> str:
    return "".join(
        f"\\{byte:03o}" if byte == 0 or byte > 127 else chr(byte)
        for byte in text.replace("\\", "\\\\").encode()
    )


def _escaped(text: str) -> str:
    """As Postgres's regular expressions read it: letters may not be escaped."""
    return re.sub(r"([^\w])", r"\\\1", text)


def _count(
    schema: str, table: str, has_tenant: bool, columns: list[tuple[str, bool]]
) -> sql.Composed:
    counts = [
        sql.SQL(HAS_BYTES if is_bytes else HAS_WORD).format(column=sql.Identifier(name))
        for name, is_bytes in columns
    ]
    return sql.SQL("select {counts} from {table} where {condition}").format(
        counts=sql.SQL(", ").join(counts),
        table=sql.Identifier(schema, table),
        condition=OF_TENANT if has_tenant else sql.SQL("true"),
    )
