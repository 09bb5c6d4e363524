"""A key matches a pattern if Path.glob would find a file of that name."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_warehouse.sources.key_pattern import parse_pattern


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("clicks/**/*.csv*", "clicks/a.csv"),
        ("clicks/**/*.csv*", "clicks/2026/11/a.csv.gz"),
        ("a/*/c", "a/b/c"),
        ("a/?[0-9][!x]", "a/_5y"),
        ("**", "a"),
        ("**", "a/b/c"),
        ("a/**", "a/b/c"),
        ("**/b/**/d", "a/b/c/b/d"),
        ("a/**/b", "a//b"),
        ("a//./b", "a/b"),
        ("a.b+(c)", "a.b+(c)"),
        ("line*", "line\nend"),
    ],
)
def test_key_that_is_meant_matches(pattern: str, key: str) -> None:
    assert parse_pattern(pattern).matches(key)


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("clicks/**/*.csv*", "clicks/a.json"),
        ("clicks/**/*.csv*", "views/clicks/a.csv"),
        ("*", "a/b"),
        ("a/*", "a"),
        ("a/**", "a"),
        ("a/[!x]b", "a//b"),
        ("A", "a"),
        ("a.b", "axb"),
        ("a", "a\n"),
        ("a", "ab"),
    ],
)
def test_key_that_is_not_meant_does_not_match(pattern: str, key: str) -> None:
    assert not parse_pattern(pattern).matches(key)


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("clicks/**/*.csv", "clicks/"),
        ("clicks/2026/part-*.csv", "clicks/2026/part-"),
        ("clicks/a.csv", "clicks/a.csv"),
        ("**/a", ""),
        ("a[0]/b", "a"),
        ("a//b/?", "a/b/"),
    ],
)
def test_prefix_is_all_before_the_first_wildcard(pattern: str, prefix: str) -> None:
    assert parse_pattern(pattern).prefix == prefix


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("", "names no files"),
        (".", "names no files"),
        ("a/", "names no files"),
        ("/a", "points outside its folder"),
        ("a/../b", "points outside its folder"),
        ("a**/b", "has \\*\\* beside other characters"),
        ("***", "has \\*\\* beside other characters"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_pattern(pattern)


NAMES = st.text("ab.", min_size=1, max_size=2).filter(lambda name: set(name) != {"."})
PARTS = st.one_of(
    NAMES, st.sampled_from(["*", "**", "?", "a*", "*b", "[ab]", "[!a]", "*?"])
)


@settings(max_examples=80)
@given(
    keys=st.lists(st.lists(NAMES, min_size=1, max_size=3).map("/".join), max_size=8),
    parts=st.lists(PARTS, min_size=1, max_size=4).filter(lambda p: p[-1] != "**"),
)
def test_keys_match_as_path_glob_has_it(keys: list[str], parts: list[str]) -> None:
    pattern = "/".join(parts)
    with TemporaryDirectory() as name:
        root = Path(name)
        for key in keys:
            write(root / key)
        files = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
        globbed = {p.relative_to(root).as_posix() for p in root.glob(pattern)} & files

    wanted = parse_pattern(pattern)
    assert {key for key in files if wanted.matches(key)} == globbed
    folders = {parent.as_posix() for key in globbed for parent in Path(key).parents}
    assert all(map(wanted.leads_through, folders - {"."}))


def write(path: Path) -> None:
    """A file there, unless a folder has the name or a file that of its folder."""
    if any(parent.is_file() for parent in path.parents) or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
