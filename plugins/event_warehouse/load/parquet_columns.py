"""Finds the columns of a batch by name, and nested members by path."""

from collections.abc import Mapping, Sequence

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from event_warehouse.load.parquet_text import is_text

Columns = Mapping[str, pa.Array]
Path = Sequence[str]


def columns_of(batch: pa.RecordBatch) -> Columns:
    """The batch's columns by their names."""
    return dict(zip(batch.schema.names, batch.columns, strict=True))


def find(columns: Columns, path: Path) -> pa.Array | None:
    """The values at a path through structs and maps; None if there is no such path."""
    key, *rest = path
    array = columns.get(key)
    for key in rest:
        array = None if array is None else _member(array, key)
    return array


def _member(array: pa.Array, key: str) -> pa.Array | None:
    kind = array.type
    if pa.types.is_struct(kind):
        # The last member of that name counts, as in JSON.
        positions = kind.get_all_field_indices(key)
        return pc.struct_field(array, positions[-1:]) if positions else None
    if pa.types.is_map(kind) and is_text(kind.key_type):
        return pc.map_lookup(array, pa.scalar(key, kind.key_type), "last")
    return None


def unwrap(columns: Columns, path: Path) -> Columns:
    """Moves the members of the struct at the path to columns of their own.

    Members whose name a column already has stay where they are.
    """
    wrapped = find(columns, path)
    if wrapped is None or not pa.types.is_struct(wrapped.type):
        return columns
    members = _members(wrapped)
    hidden = {name: array for name, array in members.items() if name in columns}
    return {**members, **_replaced(columns, path, hidden)}


def _replaced(columns: Columns, path: Path, hidden: Columns) -> Columns:
    """The columns with only the hidden members left at the path."""
    key, *rest = path
    outer = columns[key]
    left = _replaced(_members(outer), rest, hidden) if rest else hidden
    others = {name: array for name, array in columns.items() if name != key}
    if not left:
        return others
    struct = pa.StructArray.from_arrays(
        list(left.values()), names=list(left), mask=outer.is_null()
    )
    return {**others, key: struct}


def _members(struct: pa.StructArray) -> Columns:
    names = [field.name for field in struct.type]
    return dict(zip(names, struct.flatten(), strict=True))
