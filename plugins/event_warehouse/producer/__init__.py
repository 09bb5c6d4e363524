"""How an application sends events: with `track`.

Imports only the standard library; a destination imports what it needs when opened.
"""

from event_warehouse.producer.default import default_producer, flush, track
from event_warehouse.producer.event import EventError
from event_warehouse.producer.producer import Producer

__all__ = ["EventError", "Producer", "default_producer", "flush", "track"]
