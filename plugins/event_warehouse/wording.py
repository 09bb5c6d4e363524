"""Counts as people say them."""


def things(number: int, singular: str) -> str:
    """`1 file`, `2 files`, `0 files`: of nouns that take an s."""
    return f"{number} {singular}" if number == 1 else f"{number} {singular}s"
