"""Segments as objects in a bucket, each one group of lines, written whole.

A retry uses the same object key, so a lost response doesn't create a second object.
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
"""Key of an object written to check write access; hidden from loaders."""
PROBE_SECONDS = 2.0
"""How long a probe's result is cached, so that health checks can't flood the bucket."""

logger = logging.getLogger(__name__)


class BucketSegments:
    """A SegmentStore below a feed's prefix; owns the client and closes it."""

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
        """Returns once the object is stored; after a StoreError it may still be."""
        try:
            self._put(landed_name(uuid4().hex, self._now()), lines)
        except S3_ERRORS as error:
            problem = writing_problem(error, self._client)
            logger.error("%s: can't write a segment: %s", self._location.uri, problem)
            raise StoreError(retry_after=5) from error

    def publish_due(self) -> float | None:
        """None, as stored objects are already published."""
        return None

    def problem(self) -> str | None:
        """Found by writing, because read permissions say nothing about writing."""
        with self._probing:
            if self._monotonic() >= self._probe_again_at:
                self._problem = self._probe()
                self._probe_again_at = self._monotonic() + PROBE_SECONDS
            return self._problem

    def close(self) -> None:
        """Closes the connections."""
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
