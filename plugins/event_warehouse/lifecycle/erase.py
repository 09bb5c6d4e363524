"""Erases a user from raw and from each model's table, as the model declares."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from event_warehouse.database import load_statements
from event_warehouse.errors import WarehouseError
from event_warehouse.transform.layers import LAYERS, Counted

Statement = sql.SQL | sql.Composed
STATEMENTS = load_statements("event_warehouse.lifecycle", "erase")
OF_MODEL = load_statements("event_warehouse.lifecycle", "erase_model")
COLLECTED = (
    "collect_records",
    "collect_values",
    "collect_keys",
    "collect_visitors",
    "collect_key_values",
    "note_days",
)
IS_OF_USER = """
    kept.tenant_id = %(tenant_id)s
    and kept.{column}::text in (
        select forgotten_values.value
        from forgotten_values
        where forgotten_values.column_name = %(column_name)s
    )
"""
IS_OF_RECORD = sql.SQL("""
    (kept.load_id, kept.line_number) in (
        select forgotten_records.load_id, forgotten_records.line_number
        from forgotten_records
        where not forgotten_records.is_reference
    )
""")
OF_THE_USER = (
    "device_id",
    "device_key",
    "session_id",
    "user_id",
    "user_key",
    "visitor_key",
)
"""Columns whose values are collected once, before anything is deleted."""
EVENT_COUNTS = {
    layer.name: layer.event_count
    for layer in LAYERS
    if layer.counted is not Counted.ALL
}
"""SQL for the events that a row counts, for tables that lose rows with their counts."""


@dataclass(frozen=True)
class Table:
    """A model's table, and how to erase a user from it (see macros/forgets.sql)."""

    model: str
    schema: str
    columns: dict[str, str]
    unique_key: list[str]
    has_apply: bool

    @property
    def name(self) -> str:
        """The name in the receipt."""
        return f"{self.schema}.{self.model}"

    @property
    def identifier(self) -> sql.Identifier:
        """The name in a statement."""
        return sql.Identifier(self.schema, self.model)


def erase(
    connection: psycopg.Connection, *, deletion_id: int, tenant_id: str, user_id: str
) -> None:
    """Erases the user in the caller's transaction; ledger.removed_rows has the counts.

    Also empties the batches of the last run. Raises WarehouseError if it can't follow
    what a model declares.
    """
    user = {"deletion_id": deletion_id, "tenant_id": tenant_id, "user_id": user_id}
    for name in COLLECTED:
        connection.execute(STATEMENTS[name], user)
    for table in _tables(connection):
        for column, how in table.columns.items():
            _erase_from(connection, table, column, how, user)
    connection.execute(STATEMENTS["value_bounds"], user)
    connection.execute(STATEMENTS["raw_events"], user)
    connection.execute(STATEMENTS["raw_references"], user)
    connection.execute(STATEMENTS["raw_lines"], user)
    connection.execute(STATEMENTS["replayed_lines"], user)
    _empty_batches(connection)


def _tables(connection: psycopg.Connection) -> list[Table]:
    rows = connection.execute(STATEMENTS["tables"]).fetchall()
    return [Table(model, **forgets) for model, forgets in rows]


def _erase_from(
    connection: psycopg.Connection,
    table: Table,
    column: str,
    how: str,
    user: dict[str, Any],
) -> None:
    if column == "nothing":
        return
    values = {
        **user,
        "table_name": table.name,
        "column_name": column,
        "how": "moved to 0" if how == "move_to_0" else "removed",
    }
    for statement in _statements(connection, table, column, how):
        connection.execute(statement, values)


def _statements(
    connection: psycopg.Connection, table: Table, column: str, how: str
) -> list[Statement]:
    if how == "take_out":
        return [
            OF_MODEL["take_out"].format(
                table=table.identifier, column=sql.Identifier(column)
            )
        ]
    if how == "subtract":
        return [
            OF_MODEL["subtract"].format(
                table=table.identifier,
                column=sql.Identifier(column),
                keys=_joined("{0}", table.unique_key),
                same_keys=_joined("kept.{0} = counted.{0}", table.unique_key, " and "),
            )
        ]
    if column == "record" and how == "delete":
        return [_delete(table, IS_OF_RECORD)]
    if column in OF_THE_USER and how == "delete":
        return [_delete(table, _is_of_user(column))]
    if column in OF_THE_USER and how == "move_to_0":
        return _move_to_0(connection, table, column)
    raise WarehouseError(
        f"{table.name} says that a user leaves it by {column}: {how}, which "
        "macros/forgets.sql does not know"
    )


def _is_of_user(column: str) -> sql.Composed:
    return sql.SQL(IS_OF_USER).format(column=sql.Identifier(column))


def _delete(table: Table, condition: sql.Composable) -> sql.Composed:
    return OF_MODEL["delete"].format(
        table=table.identifier,
        condition=condition,
        load_id=sql.SQL("kept.load_id" if table.has_apply else "null::bigint"),
        apply_id=sql.SQL("kept.apply_id" if table.has_apply else "null::bigint"),
        event_count=sql.SQL(EVENT_COUNTS.get(table.name, "null::bigint")),
    )


def _move_to_0(
    connection: psycopg.Connection, table: Table, column: str
) -> list[Statement]:
    """Moves rows to key 0: adds counts and merges sketches, as for new events."""
    typed: dict[str, str] = dict(
        connection.execute(STATEMENTS["columns"], {"table": table.name}).fetchall()
    )
    keys = [key for key in table.unique_key if key != column]
    counts = [name for name in typed if name not in table.unique_key]
    if column not in table.unique_key or "tenant_id" not in keys:
        raise WarehouseError(
            f"{table.name} has no unique_key with tenant_id and {column}, by which its "
            "rows could be moved to 0"
        )
    parts = {
        "table": table.identifier,
        "condition": _is_of_user(column),
        "column": sql.Identifier(column),
        "keys": _joined("{0}", keys),
        "same_keys": _joined("kept.{0} = moved.{0}", keys, " and "),
        "counts": _joined("{0}", counts),
        "sums": sql.SQL(", ").join(_sum(name, typed[name]) for name in counts),
        "added": sql.SQL(", ").join(_added(name, typed[name]) for name in counts),
        "moved_keys": _joined("moved.{0}", keys),
        "moved_counts": _joined("moved.{0}", counts),
    }
    return [
        OF_MODEL["collect_moved"].format(**parts),
        _delete(table, _is_of_user(column)),
        OF_MODEL["add_to_0"].format(**parts),
        OF_MODEL["drop_moved"],
    ]


def _joined(form: str, names: list[str], separator: str = ", ") -> sql.Composed:
    parts = [sql.SQL(form).format(sql.Identifier(name)) for name in names]
    return sql.SQL(separator).join(parts)


def _sum(name: str, kind: str) -> sql.Composed:
    form = "sketch.merge({0}) as {0}" if kind == "integer[]" else "sum({0}) as {0}"
    return sql.SQL(form).format(sql.Identifier(name))


def _added(name: str, kind: str) -> sql.Composed:
    form = (
        "{0} = sketch.union_of(kept.{0}, moved.{0})"
        if kind == "integer[]"
        else "{0} = kept.{0} + moved.{0}"
    )
    return sql.SQL(form).format(sql.Identifier(name))


def _empty_batches(connection: psycopg.Connection) -> None:
    """Empties the last run's batches, so that no model applies anything from them."""
    for schema, batch in connection.execute(STATEMENTS["batches"]).fetchall():
        connection.execute(sql.SQL("truncate {}").format(sql.Identifier(schema, batch)))
    connection.execute(STATEMENTS["forget_batches"])
