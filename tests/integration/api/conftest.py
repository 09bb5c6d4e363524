"""One warehouse with events of many tenants and one server, for all tests of answers.

Each test asks about a tenant of its own, so none needs them for itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from event_warehouse.access.key_store import create_key
from event_warehouse.access.keys import Scope
from event_warehouse.settings import Settings
from tests.api_server import Server, servers
from tests.filled_warehouse import filled_warehouse

EVENTS = """\
acme,visit,a1,2025-06-01T10:00:00Z
acme,visit,a2,2025-06-01T10:59:59Z
acme,buy,a3,2025-06-01T10:30:00Z
acme,visit,a4,2025-06-01T11:00:00Z
acme,visit,a5,2025-06-01T14:30:00+02:00
acme,visit,a6,2025-06-01T15:00:00Z
globex,visit,g1,2025-06-01T10:00:00Z
globex,secret-launch,g2,2025-06-01T10:10:00Z
globex,visit,g3,2025-06-02T10:00:00Z
rejected,visit,r1,2025-06-01T10:00:00Z
rejected,visit,r2,yesterday
rejected,visit,r3,tomorrow
"a/b c'""%;--",visit,s1,2025-06-01T10:00:00Z
Zürich ☃,visit,z1,2025-06-01T10:00:00Z
"""


@dataclass(frozen=True)
class Api:
    """A server, and the keys that it knows."""

    server: Server
    settings: Settings
    operator: str

    def key(self, tenant: str | None, *scopes: Scope) -> str:
        """A new key of a tenant, or an operator's; without a scope good for all."""
        return create_key(self.settings, tenant=tenant, scopes=scopes or list(Scope))

    def get(
        self, path: str, key: str | None = None, **parameters: str
    ) -> httpx.Response:
        """The answer to the operator, or to who has the key."""
        return self.server.client.get(
            self.server.url + path,
            params=parameters or None,
            headers={"authorization": f"Bearer {key or self.operator}"},
        )


@pytest.fixture(scope="session")
def asked_warehouse(
    cluster: Settings, built_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """A warehouse with events that every model has taken in."""
    home = tmp_path_factory.mktemp("asked")
    with filled_warehouse(
        cluster,
        built_home,
        home,
        database="asked",
        file="customer_events/events.csv",
        text="customer_id,event_type,transaction_id,timestamp\n" + EVENTS,
    ) as settings:
        yield settings


@pytest.fixture(scope="session")
def api(asked_warehouse: Settings) -> Iterator[Api]:
    """A server of that warehouse."""
    environment = {
        "WAREHOUSE_DSN": asked_warehouse.dsn,
        "WAREHOUSE_API_DSN": asked_warehouse.api_dsn,
    }
    starts = servers(asked_warehouse.home, environment)
    server = next(starts)()
    operator = create_key(asked_warehouse, tenant=None, scopes=list(Scope))
    yield Api(server, asked_warehouse, operator)
    starts.close()
