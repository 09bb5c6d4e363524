"""The one signature of `track`; a producer decides what happens to an event."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime


class Tracker(ABC):
    """Takes events from the application."""

    def track(
        self,
        /,
        event_type: str,
        *,
        user_id: str | None = None,
        entity_id: str | None = None,
        session_id: str | None = None,
        device_id: str | None = None,
        country: str | None = None,
        browser: str | None = None,
        platform: str | None = None,
        environment: str | None = None,
        service: str | None = None,
        tenant_id: str | None = None,
        sample_rate: int | None = None,
        event_id: str | None = None,
        event_time: datetime | None = None,
        **attributes: object,
    ) -> str:
        """Queue an event to be sent, and return its `event_id`.

        `sample_rate` is N if only one in N such events is tracked. The id defaults to a
        new one and the time to now; give both to send an event again. `attributes` may
        hold any JSON values. Waits for neither network nor disk. Raises EventError with
        the name of the field if the event can't be stored.
        """
        fields: dict[str, object] = {
            "tenant_id": tenant_id,
            "event_id": event_id,
            "event_type": event_type,
            "event_time": event_time,
            "user_id": user_id,
            "entity_id": entity_id,
            "session_id": session_id,
            "device_id": device_id,
            "country": country,
            "browser": browser,
            "platform": platform,
            "environment": environment,
            "service": service,
            "sample_rate": sample_rate,
        }
        return self._take(fields, attributes)

    @abstractmethod
    def _take(
        self, fields: Mapping[str, object], attributes: Mapping[str, object]
    ) -> str: ...
