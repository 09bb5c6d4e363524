"""Makes rows for COPY from unparsed CSV lines or from parsed values."""

import csv
from collections.abc import Sequence
from typing import AnyStr

import msgspec

from event_warehouse.load.csv_layout import CsvLayout


class RowMaker:
    """Makes rows for COPY from lines or values."""

    def __init__(self, layout: CsvLayout, load_id: int) -> None:
        self.layout = layout
        self.delimiter = layout.delimiter.encode()
        self._load_id = load_id
        self._constants = [value for _, value in layout.constants]
        self._fields = [(s.positions, s.separator) for s in layout.fields]
        self._raw_fields = [(p, separator.encode()) for p, separator in self._fields]
        self._template = self._lineage_template()
        self._attributes = [_member(name) for name, _ in layout.attributes]

    def _lineage_template(self) -> bytes:
        row = _written([self._load_id, *self._constants, ""])
        load, _, rest = (
            row.removesuffix("\n").encode().replace(b"%", b"%%").partition(b",")
        )
        return load + b",%d," + rest

    def of_lines(self, numbers: Sequence[int], lines: Sequence[bytes]) -> list[bytes]:
        """Rows of lines in which nothing needs quoting or escaping."""
        if self.layout.passes_through:
            template = self._template + b"%b\n"
            return list(map(template.__mod__, zip(numbers, lines, strict=True)))
        if self.layout.attributes_stand_last and self.delimiter == b",":
            count = len(self._attributes)
            parts = [line.rsplit(b",", count) for line in lines]
        else:
            parts = [self._fields_and_attributes(line) for line in lines]
        return self._of_parts(numbers, parts)

    def _fields_and_attributes(self, line: bytes) -> list[bytes]:
        """The event fields joined as in a row, then each attribute's value."""
        values = line.split(self.delimiter)
        fields = b",".join([_joined(*field, values) for field in self._raw_fields])
        return [fields, *(values[position] for _, position in self.layout.attributes)]

    def _of_parts(
        self, numbers: Sequence[int], parts: Sequence[Sequence[bytes]]
    ) -> list[bytes]:
        attributes = self._attributes
        comma = b"," if attributes and self._fields else b""
        bare = self._template + b"%b" + comma + b"\n"
        full = self._template + b"%b" + comma + b'"{%b}"\n'
        rows = []
        for number, (fields, *values) in zip(numbers, parts, strict=True):
            members = [t % v for t, v in zip(attributes, values, strict=True) if v]
            if members:
                rows.append(full % (number, fields, b",".join(members)))
            else:
                rows.append(bare % (number, fields))
        return rows

    def of_values(self, number: int, values: Sequence[str]) -> bytes:
        """The row of a parsed record, quoted and escaped as needed."""
        row: list[object] = [self._load_id, number, *self._constants]
        row += [_joined(*field, values) for field in self._fields]
        if self.layout.attributes:
            attributes = {
                name: values[position]
                for name, position in self.layout.attributes
                if values[position]
            }
            row.append(msgspec.json.encode(attributes).decode() if attributes else "")
        return _written(row).encode()


def _joined(
    positions: Sequence[int], separator: AnyStr, values: Sequence[AnyStr]
) -> AnyStr:
    """The field's value; several columns are joined without the empty ones."""
    if len(positions) == 1:
        return values[positions[0]]
    return separator.join([v for at in positions if (v := values[at])])


class _Rows(list[str]):
    """A target for csv.writer that collects rows."""

    def write(self, row: str) -> None:
        """Add a row."""
        self.append(row)


def _written(values: Sequence[object]) -> str:
    """One row of CSV, ending in LF.

    Of CR and LF, csv.writer quotes only those in its own line terminator, and COPY
    needs both quoted. So it writes CRLF here, which is then replaced.
    """
    rows = _Rows()
    csv.writer(rows, lineterminator="\r\n").writerow(values)
    return rows[0][:-2] + "\n"


def _member(name: str) -> bytes:
    """A template for a member of a JSON object inside a quoted CSV field."""
    quoted = msgspec.json.encode(name).replace(b'"', b'""').replace(b"%", b"%%")
    return quoted + b':""%b""'
