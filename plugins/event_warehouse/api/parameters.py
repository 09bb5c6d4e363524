"""Parameters of a query string, as OpenAPI describes them."""

from typing import Any


def query_parameter(
    name: str, description: str, *, required: bool = False, **schema: object
) -> dict[str, Any]:
    """A text, unless the schema says otherwise."""
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": {"type": "string", **schema},
    }


def limit_parameter(description: str, *, default: int, most: int) -> dict[str, Any]:
    """How many of something one answer has."""
    return query_parameter(
        "limit", description, type="integer", minimum=1, maximum=most, default=default
    )
