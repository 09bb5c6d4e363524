"""Words counts for people."""


def things(number: int, singular: str) -> str:
    """`1 file`, `2 files`, `0 files`; for nouns with a plural in s."""
    return f"{number} {singular}" if number == 1 else f"{number} {singular}s"
