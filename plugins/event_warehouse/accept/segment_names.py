"""The names of segments that land in a folder or a bucket."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The current time."""
    return datetime.now(UTC)


def landed_name(segment_id: str, now: datetime) -> str:
    """The path below the feed's folder, which says when the segment was published."""
    return f"{now:%Y/%m/%d/%H}/{now:%Y%m%dT%H%M%SZ}-{segment_id}.jsonl"
