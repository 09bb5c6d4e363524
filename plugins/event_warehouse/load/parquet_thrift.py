"""Reads Thrift's compact protocol, the format of Parquet's metadata.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from collections.abc import Iterator

TRUE, FALSE, BYTE, DOUBLE, BINARY = 1, 2, 3, 7, 8
INTEGERS = {4, 5, 6}
LISTS = {9, 10}
MAP, STRUCT = 11, 12
DOUBLE_BYTES = 8

Value = bool | int | bytes | list["Value"] | dict[int, "Value"] | None


class CompactReader:
    """Reads values in sequence; raises IndexError when the bytes run out."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.position = 0

    def struct(self) -> dict[int, Value]:
        """A struct's values by field number."""
        return {number: self.value(kind) for number, kind in self.fields()}

    def fields(self) -> Iterator[tuple[int, int]]:
        """The number and kind of each field; the caller must read its value."""
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 0x0F
            number = number + step if step else self._zigzag()
            yield number, kind

    def elements(self) -> Iterator[int]:
        """The kind of each element of a list; the caller must read the element."""
        head = self._byte()
        count, kind = head >> 4, head & 0x0F
        if count == 0x0F:
            count = self._varint()
        for _ in range(count):
            yield kind

    def value(self, kind: int) -> Value:
        """A field's value; None for a floating-point number and a map."""
        if kind in INTEGERS:
            return self._zigzag()
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind == STRUCT:
            return self.struct()
        if kind in LISTS:
            return [self._element(element) for element in self.elements()]
        if kind == BYTE:
            return self._byte()
        if kind == DOUBLE:
            self._bytes(DOUBLE_BYTES)
            return None
        if kind == MAP:
            self._skip_map()
            return None
        raise IndexError(f"there is no kind {kind}")

    def _element(self, kind: int) -> Value:
        return self._byte() == TRUE if kind in (TRUE, FALSE) else self.value(kind)

    def _skip_map(self) -> None:
        if count := self._varint():
            kinds = self._byte()
            for _ in range(count):
                self._element(kinds >> 4)
                self._element(kinds & 0x0F)

    def _byte(self) -> int:
        byte: int = self._content[self.position]
        self.position += 1
        return byte

    def _bytes(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self._content):
            raise IndexError
        content = self._content[self.position : end]
        self.position = end
        return content

    def _varint(self) -> int:
        result = shift = 0
        while (byte := self._byte()) & 0x80:
            result |= (byte & 0x7F) << shift
            shift += 7
        return result | byte << shift

    def _zigzag(self) -> int:
        number = self._varint()
        return number >> 1 ^ -(number & 1)
