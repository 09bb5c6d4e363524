"""Adds the schema of questions to the service's OpenAPI document."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from event_warehouse.query.schema import SCHEMA

QUERY = "Query"
REFERENCE = f"#/components/schemas/{QUERY}"


def describe_questions(app: FastAPI) -> None:
    """Adds the schemas that REFERENCE leads to to the app's document."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if QUERY not in schemas:
            schemas |= components()
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def components() -> dict[str, Any]:
    """The schema's parts, with their references as an OpenAPI document has them."""
    parts = {f"{QUERY}.{name}": part for name, part in SCHEMA["$defs"].items()}
    whole = {
        name: member
        for name, member in SCHEMA.items()
        if name not in {"$schema", "$defs"}
    }
    return {name: _moved(part) for name, part in {QUERY: whole, **parts}.items()}


def _moved(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {
            name: f"{REFERENCE}.{inner.removeprefix('#/$defs/')}"
            if name == "$ref" and isinstance(inner, str)
            else _moved(inner)
            for name, inner in part.items()
        }
    return [_moved(inner) for inner in part] if isinstance(part, list) else part
