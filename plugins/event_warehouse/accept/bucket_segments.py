"""Segments as objects of a bucket, each of one group of lines and whole from the start.

An attempt that is made again has the key of the one before, so an answer that was lost
makes no second object.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from uuid import uuid4

from event_warehouse.accept.segment_names import landed_name, utc_now
from event_warehouse.accept.store import StoreError
from event_warehouse.sources.s3 import S3Client, S3Location
from event_warehouse.sources.s3_errors import S3_ERRORS, writing_problem

PROBE = ".probe"
"""Key of what is written to learn whether that can be done; hidden from loaders."""
PROBE_SECONDS = 2.0
"""How long its outcome holds: nobody can make the bucket busy by asking."""

logger = logging.getLogger(__name__)


class BucketSegments:
    """A SegmentStore below a feed's prefix; it closes the client that it is given."""

    def __init__(
        self,
        location: S3Location,
        *,
        client: S3Client,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._location = location
        self._client = client
        self._monotonic = monotonic
        self._now = now
        self._probing = Lock()
        self._probe_again_at = 0.0
        self._problem: str | None = None

    def commit(self, lines: bytes) -> None:
        """Returns when the object is stored; with StoreError it may yet be."""
        try:
            self._put(landed_name(uuid4().hex, self._now()), lines)
        except S3_ERRORS as error:
            problem = writing_problem(error, self._client)
            logger.error("%s: can't write a segment: %s", self._location.uri, problem)
            raise StoreError(retry_after=5) from error

    def publish_due(self) -> float | None:
        """None: what is stored is published."""
        return None

    def problem(self) -> str | None:
        """Tried, because permissions to ask say nothing of those to write."""
        with self._probing:
            if self._monotonic() >= self._probe_again_at:
                self._problem = self._probe()
                self._probe_again_at = self._monotonic() + PROBE_SECONDS
            return self._problem

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _probe(self) -> str | None:
        try:
            self._put(PROBE, b"")
        except S3_ERRORS as error:
            return writing_problem(error, self._client)
        return None

    def _put(self, name: str, content: bytes) -> None:
        key = f"{self._location.folder}{name}"
        self._client.put_object(Bucket=self._location.bucket, Key=key, Body=content)
