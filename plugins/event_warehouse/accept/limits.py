"""How much is accepted at once, and how long a segment stays open."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Bounds on the service's memory, and on the size and number of its files."""

    max_body_bytes: int = 10 * MIB
    """For a request's unpacked body; a longer one is refused while it arrives."""
    max_body_seconds: float = 60.0
    """How long a body may take to arrive."""
    max_bytes_in_flight: int = 128 * MIB
    """For the bodies of all requests that are not yet answered."""
    max_waiting: int = 1_000
    """Requests waiting to be written; with more, the disk or bucket is too slow."""
    max_remembered_keys: int = 10_000
    """Idempotency keys remembered by a process; about 2 KB each."""
    segment_seconds: float = 5.0
    """A segment is published this long after its first event. Less creates more files
    but saves no time: a landed file has to settle for as long before it is loaded."""
    segment_bytes: int = 64 * MIB
    """A segment that reaches this size is published at once."""
    put_attempts: int = 3
    """Attempts to write to the bucket before the waiting requests are refused."""
    put_seconds: float = 6.0
    """Read timeout of each attempt; the connect timeout is a third of it. Including the
    pauses, all attempts fit in the 30 seconds that a stopping service gives its
    requests."""
