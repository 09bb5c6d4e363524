"""The tables whose rows count events, and which events each of them counts."""

from dataclasses import dataclass
from enum import StrEnum


class Counted(StrEnum):
    """Which events a layer counts; the values are columns of ledger.removed_rows."""

    ALL = "row_count"
    OF_VISITORS = "visitor_event_count"
    """Events with a user or a device."""
    OF_USERS = "user_event_count"


@dataclass(frozen=True)
class Layer:
    """A fact, rollup or mart that sums to its events."""

    schema: str
    model: str
    counted: Counted = Counted.ALL
    """Layers that count only some events delete the rows of deleted users. The others
    keep expired counts, under user 0, and are rebuilt from the events that are left."""
    event_count: str = "event_count"
    """SQL for the number of events that a row counts."""

    @property
    def name(self) -> str:
        """The name in the ledger."""
        return f"{self.schema}.{self.model}"


LAYERS = (
    Layer("analytics", "fct_device_activity_daily"),
    Layer("analytics", "fct_entity_activity_daily"),
    Layer("analytics", "fct_entity_activity_monthly"),
    Layer("analytics", "fct_sessions", Counted.OF_VISITORS),
    Layer(
        "analytics",
        "fct_user_sequences_daily",
        Counted.OF_USERS,
        event_count="cardinality(event_times)",
    ),
    Layer("analytics", "rollup_events_5min"),
    Layer("analytics", "rollup_events_1hr"),
    Layer("marts", "event_types_hourly"),
    Layer("marts", "tenant_events_5min"),
    Layer("marts", "tenant_events_hourly"),
    Layer("marts", "tenant_events_daily"),
)
