from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_warehouse.load.lines import OverlongLine, split_at_lines


def split(*blocks: bytes, limit: int = 100) -> list[bytes | OverlongLine]:
    return list(split_at_lines(blocks, limit))


def test_nothing_comes_out_of_nothing() -> None:
    assert split() == []


def test_block_of_whole_lines_stays_whole() -> None:
    assert split(b"a\nb\n") == [b"a\nb\n"]


def test_last_line_without_a_newline_gets_one() -> None:
    assert split(b"a\nb") == [b"a\n", b"b\n"]


def test_line_across_blocks_is_joined() -> None:
    assert split(b"a\nb", b"c", b"d\ne\n") == [b"a\n", b"bcd\n", b"e\n"]


def test_newline_alone_in_its_block_ends_the_line_before() -> None:
    assert split(b"a", b"\n", b"b") == [b"a\n", b"b\n"]


def test_blank_lines_are_kept_for_their_numbers() -> None:
    assert b"".join(x for x in split(b"\n\n", b"\na") if isinstance(x, bytes)) == (
        b"\n\n\na\n"
    )


def test_carriage_return_stays_with_its_line() -> None:
    assert split(b"a\r", b"\nb\r\n") == [b"a\r\n", b"b\r\n"]


def test_line_of_just_the_limit_is_whole() -> None:
    assert split(b"abc", b"de\n", limit=5) == [b"abcde\n"]


def test_line_over_the_limit_comes_as_its_beginning_and_length() -> None:
    assert split(b"abc", b"def\n", limit=5) == [OverlongLine(b"abc", 6)]


def test_lines_around_an_overlong_one_are_whole() -> None:
    assert split(b"a\nbbbb", b"bbbb", b"bb\nc\n", limit=5) == [
        b"a\n",
        OverlongLine(b"bbbb", 10),
        b"c\n",
    ]


def test_overlong_last_line_without_a_newline_is_told() -> None:
    assert split(b"aaaa", b"aaaa", limit=5) == [OverlongLine(b"aaaa", 8)]


def test_no_more_than_a_beginning_is_kept_of_an_overlong_line() -> None:
    beginning = b"a" * (1024 * 1024)
    blocks = (beginning for _ in range(1000))

    (line,) = split_at_lines(blocks, limit=2 * 1024 * 1024)

    assert line == OverlongLine(beginning, 1000 * 1024 * 1024)


@given(st.text("ab\n\r"), st.lists(st.integers(0, 40)))
def test_however_it_is_cut_the_same_lines_come_out(text: str, cuts: list[int]) -> None:
    content = text.encode()
    places = sorted({0, len(content), *(min(cut, len(content)) for cut in cuts)})
    blocks = [content[a:b] for a, b in pairwise(places)]

    chunks = [chunk for chunk in split_at_lines(blocks) if isinstance(chunk, bytes)]

    ending = b"" if content.endswith(b"\n") or not content else b"\n"
    assert b"".join(chunks) == content + ending
    assert all(chunk.endswith(b"\n") for chunk in chunks)


@given(st.lists(st.sampled_from([b"a", b"bb", b"\n", b"cccc\n"]), max_size=30))
def test_line_is_overlong_or_whole_whatever_the_blocks(blocks: list[bytes]) -> None:
    limit = 6
    lines = b"".join(blocks).split(b"\n")
    if not lines[-1]:
        lines.pop()

    lengths: list[int] = []
    for chunk in split_at_lines(blocks, limit):
        if isinstance(chunk, OverlongLine):
            assert chunk.byte_count > limit
            lengths.append(chunk.byte_count)
        else:
            lengths += map(len, chunk.split(b"\n")[:-1])

    assert lengths == [len(line) for line in lines]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_small_blocks_give_the_same_as_one(size: int) -> None:
    content = b"first\n\nthird,\r\nlast"

    chunks = split(*(content[i : i + size] for i in range(0, len(content), size)))

    assert b"".join(x for x in chunks if isinstance(x, bytes)) == content + b"\n"
