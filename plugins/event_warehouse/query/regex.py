"""Which regular expressions are allowed: those that match in linear time.

Postgres matches with automata, without backtracking, unless there is a back-reference
or a look-around. It expands counted repeats, so their total size is limited.
"""

import re

MAX_WRITTEN_OUT = 1_000
"""How many characters an expression may have after its repeats are expanded."""

# One piece of an expression at a time; the bad_ ones catch what can't be read.
PIECE = re.compile(
    r"""
    (?P<reference> \\[1-9] )
  | (?P<escape> \\[dDsSwWmMyYAZnrtfv] | \\[^A-Za-z0-9] )
  | (?P<bad_escape> \\. | \\$ )
  | (?P<special> \(\?(?!:) | \*\*\* )
  | (?P<open> \(\?: | \( )
  | (?P<close> \) )
  | (?P<set> \[\^?\]?(?:[^\[\]\\]|\\[^0-9]|\[:[a-z]+:\])*\] )
  | (?P<bad_set> \[ )
  | (?P<repeat> (?: [*+?] | \{(?P<least>\d{1,3})(?P<range>,(?P<most>\d{0,3}))?\} )\?? )
  | (?P<bad_repeat> \{ )
  | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)


def problem_of_regex(expression: str) -> str | None:
    """Why an expression is not allowed; None if it is. Postgres may still refuse it."""
    depth = 0
    # The expanded size in characters of each open group, and of the piece that a
    # repeat would apply to.
    sizes = [0]
    repeated = 0
    for piece in PIECE.finditer(expression):
        match piece.lastgroup:
            case "reference":
                return "has a back-reference, which can take for ever"
            case "special":
                return "has a look-around or an option, which may not be"
            case "bad_escape" | "bad_set" | "bad_repeat":
                return f"can't be read from character {piece.start() + 1} on"
            case "open":
                depth += 1
                sizes.append(0)
            case "close" if depth == 0:
                return "closes a group that is not open"
            case "close":
                depth -= 1
                repeated = max(1, sizes.pop())
                sizes[-1] += repeated
            case "repeat":
                sizes[-1] += repeated * (_times(piece) - 1)
                repeated *= _times(piece)
            case _:
                repeated = 1
                sizes[-1] += repeated
        if sizes[-1] > MAX_WRITTEN_OUT:
            return f"repeats to more than {MAX_WRITTEN_OUT:,} characters"
    if depth:
        return "has a group that is not closed"
    return None


def _times(piece: re.Match[str]) -> int:
    if piece["least"] is None:
        return 1
    return max(1, int(piece["most"] or piece["least"]))
