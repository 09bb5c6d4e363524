"""Accepting a request: all of its events or none, and for good."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from event_warehouse.accept.events import event_ids, read_events, write_lines
from event_warehouse.accept.group_writer import GroupWriter
from event_warehouse.accept.limits import Limits
from event_warehouse.accept.local_segments import (
    LocalSegments,
    recover_segments,
    utc_now,
)
from event_warehouse.accept.repeats import Repeats

FEED = "api_events"
"""The feed whose folder the segments are in."""


@dataclass(frozen=True)
class Accepted:
    """What the client is told."""

    accepted: int
    event_ids: list[str]


class Acceptance:
    """Takes requests' bodies, until the writer that it was given is closed."""

    def __init__(self, writer: GroupWriter, *, max_remembered_keys: int) -> None:
        self._writer = writer
        self._repeats = Repeats(max_remembered_keys)

    def accept(
        self, body: bytes, *, tenant: str, key: str | None, now: datetime
    ) -> tuple[Accepted, Future[None]]:
        """The answer, which holds once the future is done; it fails with StoreError.

        Raises InvalidRequest if anything is wrong with the body, KeyReused if the key
        came with another one, Unavailable if too many wait.
        """
        events = read_events(body, now=now)
        ids = event_ids(events, tenant=tenant, key=key)
        answer = Accepted(len(ids), ids)
        commit = partial(self._writer.submit, write_lines(events, ids, tenant=tenant))
        if key is None:
            return answer, commit()
        return answer, self._repeats.commit_once(tenant, key, body, commit)


@contextmanager
def open_acceptance(folder: Path, limits: Limits) -> Iterator[Acceptance]:
    """Recovers what was left in the folder; at the end publishes what was accepted."""
    recover_segments(folder, now=utc_now())
    store = LocalSegments(
        folder, max_seconds=limits.segment_seconds, max_bytes=limits.segment_bytes
    )
    writer = GroupWriter(store, max_waiting=limits.max_waiting)
    writer.start()
    try:
        yield Acceptance(writer, max_remembered_keys=limits.max_remembered_keys)
    finally:
        writer.close()
