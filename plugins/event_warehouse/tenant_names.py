"""The rules for names of tenants."""

TENANT_BYTES = 1000
"""The limit of an event's tenant."""


def problem_of_tenant(name: str) -> str | None:
    """Why no tenant can have this name; None if one can."""
    if not name:
        return "is empty"
    if "\0" in name:
        return "has a NUL character"
    try:
        byte_count = len(name.encode())
    except UnicodeEncodeError:
        return "is not UTF-8"
    if byte_count > TENANT_BYTES:
        return f"is longer than {TENANT_BYTES:,} bytes"
    return None
