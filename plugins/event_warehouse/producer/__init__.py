"""One easy way for an application to send events: `track`.

Imports Python's own library only; a destination imports what it needs when opened.
"""

from event_warehouse.producer.default import default_producer, flush, track
from event_warehouse.producer.event import EventError
from event_warehouse.producer.producer import Producer

__all__ = ["EventError", "Producer", "default_producer", "flush", "track"]
