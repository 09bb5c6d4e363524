"""An event service over HTTP: `POST` of a batch as one JSON document.

    {"events": [{"event_id": ..., "ts": ..., "samplerate": ..., "data": {...}}]}

The producer's own tenant is not sent: the service decides it, and the producer warns
about that at its start. Another tenant's `tenant_id` is in the data, for the service to
accept or refuse.

The header `Idempotency-Key` is the same whenever the same batch is sent. The service
names events that it refuses for good with `{"errors": [{"index": 3, "reason": "..."}]}`
and status 400, 413 or 422 if it accepted none, 2xx if it accepted the others. FastAPI's
`{"detail": [{"loc": ["body", "events", 3, ...], "msg": "..."}]}` is understood, too.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from event_warehouse.producer.destinations import (
    Receipt,
    RefusedTogether,
    Unavailable,
)
from event_warehouse.producer.event import EVENT_TAG

REFUSING = frozenset({400, 413, 422})
PASSING = frozenset({408, 409, 425, 429})
"""Retried, like all from 500 up; any other status needs a person."""
ANSWER_BYTES = 256 * 1024
LONGEST_WAIT = 300.0
REASON_LENGTH = 500
_OWN_MEMBERS = ("event_id", "event_time", "sample_rate", "event_type")

Place = int


class Service:
    """One address that accepts events, with a connection that is kept open."""

    def __init__(
        self, url: str, api_key: str | None, tenant_id: str | None, *, timeout: float
    ) -> None:
        self._url = url
        self._tenant_id = tenant_id
        self._host = urlsplit(url).hostname
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=timeout, read=timeout), retries=False
        )
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": "event-warehouse-producer",
        }
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"

    def send(self, events: Sequence[bytes]) -> Receipt:
        """Send the events; raises Unavailable or RefusedTogether."""
        entries: dict[Place, dict[str, Any]] = {}
        refused: dict[Place, str] = {}
        for place, event in enumerate(events):
            try:
                entries[place] = _entry(json.loads(event), self._tenant_id)
            except (ValueError, AttributeError):
                refused[place] = "is not a JSON object: the spool was damaged"
        if entries:
            status, answer = self._post(list(entries.values()))
            receipt = self._read(status, answer, list(entries))
            refused |= receipt.refused
            return Receipt(refused, receipt.again)
        return Receipt(refused)

    def close(self) -> None:
        """Close connections."""
        self._pool.clear()

    def _post(self, entries: list[dict[str, Any]]) -> tuple[int, bytes]:
        body = json.dumps({"events": entries}, ensure_ascii=False).encode("utf-8")
        key = hashlib.sha256(body).hexdigest()[:32]
        headers = {**self._headers, "Idempotency-Key": key}
        try:
            response = self._pool.request(
                "POST", self._url, body=body, headers=headers, preload_content=False
            )
            try:
                answer = response.read(ANSWER_BYTES)
                wait = response.headers.get("Retry-After", "")
            finally:
                response.drain_conn()
                response.release_conn()
        except (HTTPError, OSError) as error:
            raise Unavailable(f"{self._host}: {type(error).__name__}") from error
        if response.status in PASSING or response.status >= 500:
            raise Unavailable(
                f"{self._host} answers {response.status}", wait=_seconds(wait)
            )
        return response.status, answer

    def _read(self, status: int, answer: bytes, places: list[Place]) -> Receipt:
        """What the answer says about the events at these places of the batch."""
        is_taken = 200 <= status < 300
        if not is_taken and status not in REFUSING:
            raise Unavailable(f"{self._host} answers {status}", needs_person=True)
        refused = {
            places[index]: reason
            for index, reason in _errors(answer)
            if 0 <= index < len(places)
        }
        if is_taken:
            return Receipt(refused)
        if not refused:
            raise RefusedTogether(f"{self._host} answers {status}")
        return Receipt(refused, [place for place in places if place not in refused])


def _entry(event: dict[str, Any], tenant_id: str | None) -> dict[str, Any]:
    data = {name: value for name, value in event.items() if name not in _OWN_MEMBERS}
    if data.get("tenant_id") == tenant_id:
        data.pop("tenant_id", None)
    return {
        "event_id": event.get("event_id"),
        "ts": event.get("event_time"),
        "samplerate": event.get("sample_rate", 1),
        "data": {EVENT_TAG: event.get("event_type"), **data},
    }


def _errors(answer: bytes) -> Iterator[tuple[int, str]]:
    """The events that the answer names, by index, and why."""
    try:
        document = json.loads(answer)
    except ValueError:
        return
    if not isinstance(document, dict):
        return
    named = document.get("errors") or document.get("detail")
    for error in named if isinstance(named, list) else []:
        if isinstance(error, dict) and isinstance(index := _index(error), int):
            reason = error.get("reason") or error.get("msg") or "refused"
            where = f"{error['field']} " if "field" in error else ""
            yield index, f"{where}{reason}"[:REASON_LENGTH]


def _index(error: dict[str, Any]) -> object:
    match error:
        case {"index": index}:
            return index
        case {"loc": ["body", "events", index, *_]}:
            return index
    return None


def _seconds(text: str) -> float:
    """The wait of a Retry-After in seconds; one with a date is ignored."""
    return min(float(text), LONGEST_WAIT) if text.isdecimal() else 0.0
