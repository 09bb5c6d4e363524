"""The page that explains questions, made from the schema that checks them.

python -m event_warehouse.query.document > docs/query.md
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from event_warehouse.query.schema import SCHEMA

Node = Mapping[str, Any]

HEAD = """\
# The query language

[asking.md](asking.md) has requests with their answers. This page is generated from the
JSON Schema that requests are checked against, `GET /query/schema`.
"""
HEADINGS = {
    "series": "A series",
    "breakdown": "A breakdown",
    "filter": "A filter",
    "key": "A key",
    "operation": "An operation",
    "funnel": "A funnel",
    "value": "A value",
    "time": "A time",
}
"""The parts that have a section of their own, in order."""


def document() -> str:
    """The page as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    yield SCHEMA["description"]
    yield ""
    yield from _members(SCHEMA)
    for name, heading in HEADINGS.items():
        node = SCHEMA["$defs"][name]
        yield f"\n## {heading}\n"
        yield node["description"]
        if "properties" in node:
            yield ""
            yield from _members(node)
    yield "\n## Examples"
    for example in SCHEMA["examples"]:
        yield f"\n```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```"


def _members(node: Node) -> Iterator[str]:
    yield "| member | | what it is |"
    yield "| --- | --- | --- |"
    for name, member in node["properties"].items():
        required = "required" if name in node.get("required", []) else ""
        told = [_form(member), member.get("description", ""), _default(member)]
        yield f"| `{name}` | {required} | {' '.join(filter(None, told))} |"


def _form(member: Node) -> str:
    """What the member accepts, in a few words."""
    if "enum" in member:
        return "One of " + ", ".join(f"`{one}`" for one in member["enum"]) + "."
    if reference := member.get("$ref"):
        return _of_definition(reference.removeprefix("#/$defs/"))
    if member.get("type") == "array":
        items = _form(member["items"]).removesuffix(".")
        least, most = member.get("minItems", 0), member["maxItems"]
        return f"{least:,} to {most:,}: {items[:1].lower()}{items[1:]}."
    if member.get("type") == "boolean":
        return "True or false."
    if member.get("type") == "integer":
        return f"A whole number from {member['minimum']:,} to {member['maximum']:,}."
    if member.get("type") == "string" and "maxLength" in member:
        return f"A text of at most {member['maxLength']:,} characters."
    return ""


def _of_definition(name: str) -> str:
    if heading := HEADINGS.get(name):
        anchor = heading.lower().replace(" ", "-")
        return f"[{heading}](#{anchor})."
    definition = SCHEMA["$defs"][name]
    if "exclusiveMinimum" in definition:
        return f"Seconds, more than 0 and at most {definition['maximum']:,}."
    return _form(definition)


def _default(member: Node) -> str:
    if "default" not in member:
        return ""
    return f"Default: `{json.dumps(member['default'])}`."


if __name__ == "__main__":
    print(document(), end="")
