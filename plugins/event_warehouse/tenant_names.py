"""What a tenant may be called, wherever it is said."""

TENANT_BYTES = 1000
"""As long as an event's tenant may be."""


def problem_of_tenant(name: str) -> str | None:
    """Why no event's tenant is called that."""
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
