"""How a segment is called where it lands, in a folder or a bucket."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def landed_name(segment_id: str, now: datetime) -> str:
    """Below the feed's folder: its name and its folders say when it came."""
    return f"{now:%Y/%m/%d/%H}/{now:%Y%m%dT%H%M%SZ}-{segment_id}.jsonl"
