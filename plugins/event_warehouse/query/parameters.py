"""How values get into SQL: as parameters of a statement, or as quoted literals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from psycopg import sql

Bind = Callable[[object], sql.Composable]
"""Returns the SQL that stands for a value; the caller appends a cast to its type."""


class Parameters:
    """The values of a statement by their names, in the order they were bound."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def bind(self, value: object) -> sql.Composable:
        """A placeholder for the value; equal values share one."""
        for name, bound in self.values.items():
            if type(bound) is type(value) and bound == value:
                return sql.Placeholder(name)
        name = f"value_{len(self.values) + 1}"
        self.values[name] = value
        return sql.Placeholder(name)


@dataclass(frozen=True)
class Shown:
    """The SQL of a part of an answer, and its parameters."""

    sql: str
    parameters: Mapping[str, object]
    name: str | None = None
    """What it asks for, if the answer has several statements."""
