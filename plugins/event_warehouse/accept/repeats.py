"""Requests that came before, by their Idempotency-Key."""

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
    """The most recent keys of this process, each with its body's hash.

    Only saves writing again what is there: a repeat that is not remembered makes the
    same event ids, and the warehouse counts its events as duplicates. Of another body
    the ids are others, so that it may be accepted under a key that is not remembered.
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
        """What `commit` returned for this key, now or before.

        One that failed is forgotten. Raises KeyReused if the body was another one.
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
