"""Parameters of a query string, as OpenAPI describes them."""

from typing import Any


def query_parameter(
    name: str, description: str, *, required: bool = False, **schema: object
) -> dict[str, Any]:
    """A string parameter, unless the schema says otherwise."""
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": {"type": "string", **schema},
    }


def limit_parameter(description: str, *, default: int, most: int) -> dict[str, Any]:
    """A parameter that limits the number of items in an answer."""
    return query_parameter(
        "limit", description, type="integer", minimum=1, maximum=most, default=default
    )
