"""Event Warehouse: event files in, typed events, facts, rollups and marts out.

Plain Python that the DAGs, the command line and the tests call; independent of Airflow.
Applications use `from event_warehouse import track`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from event_warehouse.producer import EventError, Producer, track
else:

    def __getattr__(name: str) -> object:
        # Lazy, so that only programs that send events import the producer.
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from event_warehouse import producer

        return getattr(producer, name)


__all__ = ["EventError", "Producer", "track"]
