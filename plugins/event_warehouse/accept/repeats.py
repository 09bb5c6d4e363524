"""Recognizes repeated requests by their Idempotency-Key."""

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock

from event_warehouse.accept.errors import KeyReused


@dataclass(frozen=True)
class _Seen:
    body_hash: bytes
    committed: Future[None]


class Repeats:
    """The most recent keys that this process has seen, with their bodies' hashes.

    This only saves writing events twice: a forgotten repeat gets the same event ids, so
    the warehouse counts its events as duplicates. Another body gets other ids, so it is
    safe to accept it under a forgotten key.
    """

    def __init__(self, max_remembered: int) -> None:
        self._max_remembered = max_remembered
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()
        self._lock = Lock()

    def commit_once(
        self,
        tenant: str,
        key: str,
        body_hash: bytes,
        commit: Callable[[], Future[None]],
    ) -> Future[None]:
        """The future that `commit` returned for this key, now or earlier.

        A failed one is forgotten. Raises KeyReused if the key came with another body.
        """
        with self._lock:
            seen = self._seen.pop((tenant, key), None)
            if seen is None or _has_failed(seen.committed):
                seen = _Seen(body_hash, commit())
            self._seen[tenant, key] = seen
            if len(self._seen) > self._max_remembered:
                self._seen.popitem(last=False)
        if seen.body_hash != body_hash:
            raise KeyReused()
        return seen.committed


def _has_failed(committed: Future[None]) -> bool:
    return committed.done() and committed.exception() is not None
