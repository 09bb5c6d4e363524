"""Runs statements by name, and remembers which it has run."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from event_warehouse.query.parameters import Shown


class Asked:
    """A connection, and the statements that it has run for an answer, in order."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._statements: list[Shown] = []

    @property
    def statements(self) -> Sequence[Shown]:
        """The statements so far, for answers that show them."""
        return self._statements

    async def rows(
        self, statements: Mapping[str, sql.SQL], name: str, /, **values: object
    ) -> list[dict[str, Any]]:
        """The rows of the named statement, as dicts by column name."""
        statement = statements[name]
        self._statements.append(Shown(statement.as_string(), values, name))
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall()
