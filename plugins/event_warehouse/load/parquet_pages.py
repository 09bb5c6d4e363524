"""Works out from the page headers how much memory a Parquet file's row groups need.

A page is the smallest unit that can be unpacked, and a row group may have any size, so
the pages decide. pyarrow doesn't expose them, and it crashes the process when asked
about an encrypted column.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import BinaryIO

from event_warehouse.errors import FileError
from event_warehouse.load.parquet_thrift import CompactReader, Value

MAGIC = b"PAR1"
ENCRYPTED_MAGIC = b"PARE"
END_BYTES = 8
"""The footer's length and the magic, at the end of a file."""
MAX_FOOTER_BYTES = 32 * 1024 * 1024
PAGE_HEADER_BYTES = 4096
"""The first read; longer headers, which contain long values, are read again."""
MAX_PAGE_HEADER_BYTES = 16 * 1024 * 1024
DICTIONARY_PAGE = 2
VALUE_BYTES = 8
"""The least that an unpacked value takes, however well it is packed."""
LISTED_VALUE_BYTES = 27
"""What pyarrow needs for each list value that it reads, including the levels that mark
where lists end; measured with lists of 5 and 10 million numbers."""
ENCRYPTED_COLUMNS = "has encrypted columns, which can't be read"

Struct = dict[int, Value]
# Field numbers, from
# https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
FILE_ROW_GROUPS, FILE_ENCRYPTION = 4, 8
GROUP_COLUMNS, GROUP_ROWS = 1, 3
CHUNK_METADATA, CHUNK_ENCRYPTION = 3, 8
COLUMN_PATH, COLUMN_VALUES, COLUMN_PACKED_BYTES = 3, 5, 7
COLUMN_FIRST_PAGE, COLUMN_DICTIONARY_PAGE = 9, 11
PAGE_KIND, PAGE_BYTES, PAGE_PACKED_BYTES = 1, 2, 3
PAGE_VALUES = 1
PAGE_ENCODINGS = {5: 2, 7: 2, 8: 4}
"""Where the encoding is in the headers of data, dictionary and v2 data pages."""
INDEX_ENCODINGS = {2, 8}
"""The encodings whose values are indices into a dictionary."""


@dataclass(frozen=True)
class RowGroup:
    """The memory that reading a row group takes."""

    row_count: int
    page_bytes: int
    """The sum of each column's largest pages, packed and unpacked."""
    largest_column: str
    """The column with the largest share of that."""
    row_bytes: float
    """The average row, unpacked."""
    largest_row_bytes: float
    """A row made of the pages with the largest values."""
    longest_row_bytes: float
    """What the row with the longest lists may need in addition to the pages."""
    longest_column: str
    """The column with the largest share of that."""
    indexed_columns: frozenset[str]
    """The columns that are dictionary-encoded throughout."""


@dataclass(frozen=True)
class _Page:
    is_dictionary: bool
    is_indexed: bool
    byte_count: int
    packed_bytes: int
    value_count: int

    @property
    def value_bytes(self) -> float:
        return self.byte_count / max(1, self.value_count)


@dataclass(frozen=True)
class _Column:
    path: str
    page_bytes: int
    row_bytes: float
    largest_row_bytes: float
    longest_row_bytes: float
    is_indexed: bool


def read_row_groups(file: BinaryIO) -> list[RowGroup]:
    """The row groups in order.

    Raises FileError if the file is not Parquet, is damaged or encrypted, or if its
    metadata is too large to read.
    """
    try:
        return [_row_group(file, group) for group in _footer_groups(_footer(file))]
    except (IndexError, KeyError, TypeError, RecursionError) as error:
        raise FileError("its Parquet footer is damaged") from error


def _footer(file: BinaryIO) -> bytes:
    file.seek(0)
    begin = file.read(len(MAGIC))
    size = file.seek(0, 2)
    file.seek(max(0, size - END_BYTES))
    end = file.read(END_BYTES)
    if ENCRYPTED_MAGIC in (begin, end[-len(MAGIC) :]):
        raise FileError("is encrypted, and can't be read")
    if begin != MAGIC:
        raise FileError("is not a Parquet file")
    length = int.from_bytes(end[:-4], "little")
    if end[-len(MAGIC) :] != MAGIC or length > size - END_BYTES:
        raise FileError("is damaged or cut off: it does not end as a Parquet file does")
    if length > MAX_FOOTER_BYTES:
        raise FileError(
            f"its footer has {length:,} bytes, more than {MAX_FOOTER_BYTES:,}; "
            "write it with fewer row groups, or as several files"
        )
    file.seek(size - END_BYTES - length)
    return file.read(length)


def _footer_groups(footer: bytes) -> Iterator[Struct]:
    """Yields one at a time, as all at once would take many times the footer's size."""
    reader = CompactReader(footer)
    for number, kind in reader.fields():
        if number == FILE_ROW_GROUPS:
            for element in reader.elements():
                yield _struct(reader.value(element))
        elif number == FILE_ENCRYPTION:
            raise FileError(ENCRYPTED_COLUMNS)
        else:
            reader.value(kind)


def _row_group(file: BinaryIO, group: Struct) -> RowGroup:
    row_count = _integer(group[GROUP_ROWS])
    chunks = map(_struct, _list(group[GROUP_COLUMNS]))
    columns = [_column(file, chunk, row_count) for chunk in chunks]
    largest = max(columns, key=attrgetter("page_bytes"), default=None)
    longest = max(columns, key=attrgetter("longest_row_bytes"), default=None)
    return RowGroup(
        row_count,
        page_bytes=sum(column.page_bytes for column in columns),
        largest_column=largest.path if largest else "",
        row_bytes=sum(column.row_bytes for column in columns),
        largest_row_bytes=sum(column.largest_row_bytes for column in columns),
        longest_row_bytes=sum(column.longest_row_bytes for column in columns),
        longest_column=longest.path if longest else "",
        indexed_columns=frozenset(c.path for c in columns if c.is_indexed),
    )


def _column(file: BinaryIO, chunk: Struct, row_count: int) -> _Column:
    if CHUNK_ENCRYPTION in chunk:
        raise FileError(ENCRYPTED_COLUMNS)
    column = _struct(chunk[CHUNK_METADATA])
    pages = list(_pages(file, column))
    values_a_row = _integer(column[COLUMN_VALUES]) / max(row_count, 1)
    data = [page for page in pages if not page.is_dictionary]
    dictionaries = [page for page in pages if page.is_dictionary]
    usual = max(VALUE_BYTES, _average(data), _average(dictionaries))
    sizes = [VALUE_BYTES, *map(attrgetter("value_bytes"), pages)]
    return _Column(
        path=".".join(_text(part) for part in _list(column[COLUMN_PATH])),
        page_bytes=_largest(data) + _largest(dictionaries),
        row_bytes=values_a_row * usual,
        largest_row_bytes=values_a_row * max(sizes),
        longest_row_bytes=_longest_row_bytes(column, data, row_count, usual),
        is_indexed=all(page.is_indexed for page in data),
    )


def _longest_row_bytes(
    column: Struct, data: Sequence[_Page], row_count: int, value_bytes: float
) -> float:
    """What the longest row may need in this column; 0 if it has no lists.

    No row has more values than the largest page, because writers don't start a page
    within a row; should one do that, the average is the best estimate. A row without
    values counts as one value, so the longest row can have at most what is left after
    one value for each of the others.
    """
    value_count = _integer(column[COLUMN_VALUES])
    if value_count <= row_count:
        return 0
    average = value_count / max(row_count, 1)
    largest_page = max((page.value_count for page in data), default=0)
    longest = min(value_count - row_count + 1, max(largest_page, average))
    return longest * LISTED_VALUE_BYTES + average * (value_bytes - VALUE_BYTES)


def _pages(file: BinaryIO, column: Struct) -> Iterator[_Page]:
    position = _integer(column[COLUMN_FIRST_PAGE])
    # Without a dictionary, and sometimes with one, writers omit this or write 0.
    dictionary = _integer(column.get(COLUMN_DICTIONARY_PAGE, 0))
    if 0 < dictionary < position:
        position = dictionary
    end = position + _integer(column[COLUMN_PACKED_BYTES])
    missing = _integer(column[COLUMN_VALUES])
    while missing > 0 and position < end:
        page, header_bytes = _page(file, position)
        yield page
        if not page.is_dictionary:
            missing -= page.value_count
        position += header_bytes + page.packed_bytes


def _page(file: BinaryIO, position: int) -> tuple[_Page, int]:
    """The page and the length of its header."""
    size = PAGE_HEADER_BYTES
    while True:
        file.seek(position)
        content = file.read(size)
        reader = CompactReader(content)
        try:
            header = reader.struct()
        except IndexError:
            if len(content) < size or size >= MAX_PAGE_HEADER_BYTES:
                raise
            size *= 16
            continue
        return _parse_page(header), reader.position


def _parse_page(header: Struct) -> _Page:
    value_count = 0
    is_indexed = False
    for number, encoding in PAGE_ENCODINGS.items():
        if number in header:
            details = _struct(header[number])
            value_count = _integer(details[PAGE_VALUES])
            is_indexed = details[encoding] in INDEX_ENCODINGS
    return _Page(
        is_dictionary=header[PAGE_KIND] == DICTIONARY_PAGE,
        is_indexed=is_indexed,
        byte_count=_integer(header[PAGE_BYTES]),
        packed_bytes=_integer(header[PAGE_PACKED_BYTES]),
        value_count=value_count,
    )


def _largest(pages: Sequence[_Page]) -> int:
    return max((page.byte_count + page.packed_bytes for page in pages), default=0)


def _average(pages: Sequence[_Page]) -> float:
    byte_count = sum(page.byte_count for page in pages)
    return byte_count / max(1, sum(page.value_count for page in pages))


def _struct(value: Value) -> Struct:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _list(value: Value) -> list[Value]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _integer(value: Value) -> int:
    if not isinstance(value, int) or value < 0:
        raise TypeError
    return value


def _text(value: Value) -> str:
    if not isinstance(value, bytes):
        raise TypeError
    return value.decode("utf-8", "replace")
