"""What the functions are that fixtures give to tests."""

from collections.abc import Callable
from pathlib import Path

Land = Callable[..., Path]
"""Writes a file into the landing folder: land(settings, name, content)."""
Query = Callable[..., list[tuple[object, ...]]]
"""Rows of a query: query(settings, text, *values)."""
