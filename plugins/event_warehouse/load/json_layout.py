"""Maps the members of a JSON object to event fields."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain

import msgspec

from event_warehouse.feeds import EventField, Feed
from event_warehouse.load.json_values import (
    MISSING,
    Members,
    Value,
    decode_members,
    encode_text,
    is_object,
    text_of,
)

Reader = Callable[[Members], Value]
"""Reads the value of an event field from a record's members."""
Path = tuple[str, ...]


@dataclass(frozen=True)
class JsonLayout:
    """Where each event field comes from."""

    columns: tuple[EventField, ...]
    """The event fields that are read from the input."""
    keys: tuple[str | None, ...]
    """For each column, the top-level member that has it; None if a reader finds it."""
    readers: tuple[tuple[int, Reader], ...]
    """For the columns without a key: their positions and readers."""
    consumed: tuple[str, ...]
    """Other top-level members that readers take whole, so they are not attributes."""
    unwrapped: Path | None
    constants: tuple[tuple[EventField, str], ...]
    json_attributes: tuple[Reader, ...]
    """Readers of the attributes declared as JSON."""
    strips_nul: bool


def lay_out(feed: Feed) -> JsonLayout:
    """Where the feed's event fields come from."""
    sources, separators = feed.sources, feed.separators
    keys: list[str | None] = []
    readers: list[tuple[int, Reader]] = []
    for position, (field, paths) in enumerate(sources.items()):
        if len(paths) == 1 and "." not in paths[0] and paths[0] not in keys:
            keys.append(paths[0])
        else:
            keys.append(None)
            readers.append((position, _reader(paths, separators.get(field, ""))))
    top = dict.fromkeys(path for path in chain(*sources.values()) if "." not in path)
    declared = feed.attributes or {}
    return JsonLayout(
        columns=tuple(sources),
        keys=tuple(keys),
        readers=tuple(readers),
        consumed=tuple(path for path in top if path not in keys),
        unwrapped=split_path(feed.unwrap) if feed.unwrap else None,
        constants=tuple(feed.constants.items()),
        json_attributes=tuple(
            _reader((path,), "") for path, type in declared.items() if type == "json"
        ),
        strips_nul=feed.strip_nul,
    )


def split_path(path: str) -> Path:
    """The names of the members along a dotted path."""
    return tuple(path.split("."))


def _reader(paths: Iterable[str], separator: str) -> Reader:
    ways = [split_path(path) for path in paths]
    if len(ways) == 1:
        return lambda members: find(members, ways[0])
    return lambda members: _join([find(members, way) for way in ways], separator)


def find(members: Members, path: Path) -> Value:
    """The value at the path; MISSING if there is none, not even null."""
    *parents, key = path
    for parent in parents:
        value = members.get(parent, MISSING)
        if not is_object(value):
            return MISSING
        members = decode_members(value)
    return members.get(key, MISSING)


def _join(values: Iterable[Value], separator: str) -> Value:
    texts = [text for value in values if (text := text_of(value))]
    return encode_text(separator.join(texts)) if texts else MISSING


def unwrap(members: Members, path: Path) -> None:
    """Moves the members of the object at the path to the record's top level.

    Members whose name the record already has stay where they are.
    """
    outers = [members]
    for key in path:
        value = outers[-1].get(key, MISSING)
        if not is_object(value):
            return
        outers.append(decode_members(value))
    inner = outers.pop()
    hidden = {key: inner.pop(key) for key in [*inner] if key in members}
    for key, outer in zip(reversed(path), reversed(outers), strict=True):
        if hidden:
            outer[key] = msgspec.Raw(msgspec.json.encode(hidden))
        else:
            del outer[key]
        hidden = outer
    members.update(inner)
