"""Reads the YAML files with declarations of feeds and funnels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

NOT_PATTERNS = {"name": "must be lower-case letters, digits and _, a letter first"}
"""The message to show for a name instead of a regular expression."""
KEY = "[key]"
"""What pydantic appends to a location if the key itself is invalid."""


class _Loader(yaml.SafeLoader):
    """Refuses duplicate keys, of which YAML would silently use the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                raise yaml.constructor.ConstructorError(
                    None,
                    None,
                    f"{key!r} is declared twice",
                    node.value[number][0].start_mark,
                )
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """The file's content.

    Raises OSError, UnicodeDecodeError or yaml.YAMLError if it can't be read.
    """
    # Pass the open file, so that errors include its name.
    with path.open(encoding="utf-8") as file:
        return yaml.load(file, _Loader)


def first_reason(error: ValidationError, not_patterns: Mapping[str, str] = {}) -> str:
    """The place and the reason of the first fault, in words for the file's author.

    `not_patterns` has messages, by place, to show instead of a regular expression.
    """
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != KEY)
    reason = first["msg"].removeprefix("Value error, ")
    match first["type"]:
        case "missing":
            reason = "is missing"
        case "extra_forbidden":
            reason = "is not known here"
        case "literal_error" | "enum":
            subject = "the name must be" if KEY in first["loc"] else "must be"
            reason = f"{subject} {first['ctx']['expected']}"
        case "string_pattern_mismatch":
            reason = {**NOT_PATTERNS, **not_patterns}.get(place, reason)
    return f"{place}: {reason}" if place else reason
