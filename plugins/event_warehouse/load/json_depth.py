"""Checks how deep JSON is nested."""

import re
from itertools import accumulate

MAX_DEPTH = 500
"""Below Python's recursion limit of 1,000, so that rejection doesn't depend on the
caller's stack, and far below the depth at which Postgres raises an error."""
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
    """True if objects and arrays are nested more than MAX_DEPTH deep."""
    if text.count(b"{") + text.count(b"[") <= MAX_DEPTH:
        return False
    brackets = STRING.sub(b"", text).translate(None, NO_BRACKETS)
    return max(accumulate(map(STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH
