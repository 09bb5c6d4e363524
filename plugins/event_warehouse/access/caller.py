"""Who asks."""

from dataclasses import dataclass

from event_warehouse.access.keys import Scope


@dataclass(frozen=True)
class Caller:
    """Who has shown a key that may be used."""

    key_id: str
    tenant: str | None
    """Whose key it is; none means an operator's, for all tenants."""
    role: str
    """What Postgres is asked as."""
    scopes: frozenset[Scope]

    @property
    def is_operator(self) -> bool:
        """True if all tenants' events are theirs to see."""
        return self.tenant is None
