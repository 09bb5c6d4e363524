"""The producer that the environment describes, created with the first event."""

from collections.abc import Mapping
from functools import cache

from event_warehouse.producer.producer import Producer
from event_warehouse.producer.tracker import Tracker


@cache
def default_producer() -> Producer:
    """The producer of `track`; raises SettingError if the environment is wrong."""
    return Producer()


class _Default(Tracker):
    def _take(
        self, fields: Mapping[str, object], attributes: Mapping[str, object]
    ) -> str:
        return default_producer()._take(fields, attributes)


track = _Default().track


def flush(timeout: float = 10.0) -> bool:
    """Send what `track` took; False if that took longer than `timeout` seconds."""
    return default_producer().flush(timeout)
