"""Finds where a text still occurs in the warehouse, in any column."""

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
# The plain search first: it is cheaper, and almost nothing passes it.
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
    """Counts the rows that contain the value as a whole word, by table and column.

    Skips rows of other tenants, but searches those without a tenant. In bytes the value
    also counts as part of a word.
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
    """Tables that can't be searched."""
    return [table for (table,) in connection.execute(STATEMENTS["unread"])]


def searched_in_bytes(value: str) -> dict[str, object]:
    """Parameters: the forms to find, and a pattern for them in encode(..., 'escape').

    There each byte that is not ASCII is a backslash and three digits.
    """
    forms = _forms_of(value)
    pattern = _pattern_of(map(_as_escaped_bytes, forms)) + r"(?!\\[1-3])"
    return {"forms": forms, "pattern": pattern}


def _forms_of(value: str) -> list[str]:
    """The value as it is and as in JSON, which escapes quotes and backslashes."""
    return sorted({value, json.dumps(value, ensure_ascii=False)[1:-1]})


def _pattern_of(forms: Iterable[str]) -> str:
    return r"(?<!\w)(" + "|".join(map(_escaped, forms)) + r")(?!\w)"


def _as_escaped_bytes(text: str) -> str:
    return "".join(
        f"\\{byte:03o}" if byte == 0 or byte > 127 else chr(byte)
        for byte in text.replace("\\", "\\\\").encode()
    )


def _escaped(text: str) -> str:
    """The text escaped for Postgres's regular expressions: letters must not be."""
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
