"""How much is taken at once, and how long a segment stays open."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What bounds the service's memory, and the size and number of its files."""

    max_body_bytes: int = 10 * MIB
    """Of a request's body, unpacked; a longer one is refused while it arrives."""
    max_body_seconds: float = 60.0
    """How long a body may take to arrive."""
    max_bytes_in_flight: int = 128 * MIB
    """Of the bodies of all requests that are not yet answered."""
    max_waiting: int = 1_000
    """Requests that wait to be written; the disk or bucket is too slow for more."""
    max_remembered_keys: int = 10_000
    """Idempotency keys that a process remembers; about 2 KB each."""
    segment_seconds: float = 5.0
    """A segment is published this long after its first event. Shorter makes more files
    and nothing faster: a landed file has to settle for as long before it is loaded."""
    segment_bytes: int = 64 * MIB
    """A segment that has grown to this is published at once."""
    put_attempts: int = 3
    """To write to the bucket, before the requests that wait for it are refused."""
    put_seconds: float = 6.0
    """How long the bucket may be silent in each; a third of it to be connected to. With
    the pauses between them, all end within the 30 seconds that a service which is
    stopped gives its requests."""
