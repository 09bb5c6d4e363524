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
