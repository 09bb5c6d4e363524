"""How deep JSON is nested."""

import re
from itertools import accumulate

MAX_DEPTH = 500
"""Below Python's own limit of 1,000 calls, so that what is rejected does not depend on
who called; and far below what Postgres raises an error on."""
TOO_DEEP = "is JSON nested too deep"
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
NO_BRACKETS = bytes({*range(256)} - {*b"{}[]"})
STEPS = [1 if byte in b"{[" else -1 for byte in range(256)]


class DepthError(Exception):
    """JSON that is nested too deep."""


def check_depth(text: bytes) -> None:
    """Raises DepthError if the text is nested more than MAX_DEPTH deep."""
    if len(text) > MAX_DEPTH and is_too_deep(text):
        raise DepthError(TOO_DEEP)


def is_too_deep(text: bytes) -> bool:
    """True if objects and arrays stand in one another more than MAX_DEPTH deep."""
    if text.count(b"{") + text.count(b"[") <= MAX_DEPTH:
        return False
    brackets = STRING.sub(b"", text).translate(None, NO_BRACKETS)
    return max(accumulate(map(STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH
