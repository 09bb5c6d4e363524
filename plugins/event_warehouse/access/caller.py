"""The authenticated caller of a request."""

from dataclasses import dataclass

from event_warehouse.access.keys import Scope


@dataclass(frozen=True)
class Caller:
    """Whoever presented a valid key."""

    key_id: str
    tenant: str | None
    """The key's tenant; None means an operator's key, for all tenants."""
    role: str
    """The Postgres role that queries run as."""
    scopes: frozenset[Scope]

    @property
    def is_operator(self) -> bool:
        """True if the caller may see all tenants' events."""
        return self.tenant is None
