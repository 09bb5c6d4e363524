"""Chooses where accepted events are stored: the bucket, if set, or else the folder."""

from contextlib import closing
from pathlib import Path

from event_warehouse.accept.limits import Limits
from event_warehouse.accept.local_segments import (
    LocalSegments,
    make_folder,
    recover_segments,
)
from event_warehouse.accept.segment_names import utc_now
from event_warehouse.accept.store import SegmentStore
from event_warehouse.errors import FileError, ServiceError
from event_warehouse.settings import Settings

FEED = "api_events"
"""The feed that segments are files of."""


def check_store(settings: Settings, limits: Limits) -> None:
    """Raises ServiceError, which says what to do, if no events can be stored there."""
    if settings.bucket is None:
        _make_folder(settings.landing / FEED)
        return
    try:
        with closing(_in_bucket(settings.bucket, limits)) as store:
            problem = store.problem()
    except FileError as error:
        raise ServiceError(str(error)) from error
    if problem:
        raise ServiceError(
            f"{settings.bucket} can't be written to: {problem}; correct that, or name "
            "another bucket: WAREHOUSE_BUCKET"
        )


def open_store(settings: Settings, limits: Limits) -> SegmentStore:
    """Opens the store and publishes segments left in the folder by a dead process.

    It does that even if a bucket is set, which may not have been the case when the
    events were accepted.
    """
    folder = settings.landing / FEED
    recover_segments(folder, now=utc_now())
    if settings.bucket is not None:
        return _in_bucket(settings.bucket, limits)
    return LocalSegments(
        folder, max_seconds=limits.segment_seconds, max_bytes=limits.segment_bytes
    )


def _make_folder(folder: Path) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        raise ServiceError(
            f"{folder} can't be made: {error.strerror}; make the "
            "landing folder writable, or name another: WAREHOUSE_LANDING"
        ) from error


def _in_bucket(bucket: str, limits: Limits) -> SegmentStore:
    # botocore takes a fifth of a second to import.
    from event_warehouse.accept.bucket_segments import BucketSegments
    from event_warehouse.sources.s3 import S3Location, parse_location, s3_client

    landing = parse_location(bucket)
    client = s3_client(
        attempts=limits.put_attempts,
        connect_seconds=limits.put_seconds / 3,
        read_seconds=limits.put_seconds,
    )
    location = S3Location(landing.bucket, f"{landing.folder}{FEED}")
    return BucketSegments(location, client=client)
