"""Accepts a request: durably, and all of its events or none."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from event_warehouse.accept.events import event_ids, read_events, write_lines
from event_warehouse.accept.group_writer import GroupWriter
from event_warehouse.accept.limits import Limits
from event_warehouse.accept.open_store import open_store
from event_warehouse.accept.repeats import Repeats
from event_warehouse.accept.store import SegmentStore
from event_warehouse.settings import Settings


@dataclass(frozen=True)
class Accepted:
    """What the client is told."""

    accepted: int
    event_ids: list[str]


class Acceptance:
    """Accepts requests until its writer is closed."""

    def __init__(
        self, store: SegmentStore, writer: GroupWriter, *, max_remembered_keys: int
    ) -> None:
        self._store = store
        self._writer = writer
        self._repeats = Repeats(max_remembered_keys)

    def accept(
        self, body: bytes, *, tenant: str, key: str | None, now: datetime
    ) -> tuple[Accepted, Future[None]]:
        """The answer, valid once the future is done; that may fail with StoreError.

        Raises InvalidRequest if anything is wrong with the body, KeyReused if the key
        was used with another body, Unavailable if too many requests wait.
        """
        events = read_events(body, now=now)
        body_hash = b"" if key is None else hashlib.sha256(body).digest()
        ids = event_ids(events, tenant=tenant, key=key, body_hash=body_hash)
        answer = Accepted(len(ids), ids)
        commit = partial(self._writer.submit, write_lines(events, ids, tenant=tenant))
        if key is None:
            return answer, commit()
        return answer, self._repeats.commit_once(tenant, key, body_hash, commit)

    def problem(self) -> str | None:
        """Why nothing can be stored now; None if it can."""
        return self._store.problem()


@contextmanager
def open_acceptance(settings: Settings, limits: Limits) -> Iterator[Acceptance]:
    """Publishes segments left by an earlier process, and at the end its own."""
    store = open_store(settings, limits)
    writer = GroupWriter(store, max_waiting=limits.max_waiting)
    writer.start()
    try:
        yield Acceptance(store, writer, max_remembered_keys=limits.max_remembered_keys)
    finally:
        writer.close()
