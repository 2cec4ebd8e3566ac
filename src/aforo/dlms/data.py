"""COSEM data (IEC 62056-5-3, type Data): a tag, then the value in A-XDR. Encoded data is `bytes`, tag included."""

import struct
from dataclasses import dataclass
from typing import TypeAlias

from aforo.dlms.axdr import put_length, take_length, take_octets
from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, malformed

DEPTH_MAX = 16
"""Structures within structures; the deepest that the standard's classes need is 5."""


@dataclass(frozen=True, slots=True)
class BitString:
    """bits: 0 and 1, the first bit first."""

    bits: str


Value: TypeAlias = "bool | int | float | bytes | str | BitString | tuple[Value, ...] | None"
"""date-time, date and time stay octets: see `aforo.dlms.dates`. Arrays, compact or not, and structures are tuples."""

NULL, ARRAY, STRUCTURE, BOOLEAN, BIT_STRING = 0x00, 0x01, 0x02, 0x03, 0x04
DOUBLE_LONG, DOUBLE_LONG_UNSIGNED, OCTET_STRING, VISIBLE_STRING, UTF8_STRING = 0x05, 0x06, 0x09, 0x0A, 0x0C
BCD, INTEGER, LONG, UNSIGNED, LONG_UNSIGNED, COMPACT_ARRAY = 0x0D, 0x0F, 0x10, 0x11, 0x12, 0x13
LONG64, LONG64_UNSIGNED, ENUM, FLOAT32, FLOAT64 = 0x14, 0x15, 0x16, 0x17, 0x18
DATE_TIME, DATE, TIME, DONT_CARE = 0x19, 0x1A, 0x1B, 0xFF

_NUMBERS = {
    DOUBLE_LONG: struct.Struct(">i"),
    DOUBLE_LONG_UNSIGNED: struct.Struct(">I"),
    BCD: struct.Struct(">b"),
    INTEGER: struct.Struct(">b"),
    LONG: struct.Struct(">h"),
    UNSIGNED: struct.Struct(">B"),
    LONG_UNSIGNED: struct.Struct(">H"),
    LONG64: struct.Struct(">q"),
    LONG64_UNSIGNED: struct.Struct(">Q"),
    ENUM: struct.Struct(">B"),
    FLOAT32: struct.Struct(">f"),
    FLOAT64: struct.Struct(">d"),
}
_TAKERS = {tag: (form.unpack_from, form.size) for tag, form in _NUMBERS.items()}
_FIXED_OCTETS = {DATE_TIME: 12, DATE: 5, TIME: 4}
DESCRIBED = frozenset(
    (*_NUMBERS, *_FIXED_OCTETS, NULL, BOOLEAN, BIT_STRING, OCTET_STRING, VISIBLE_STRING, UTF8_STRING, DONT_CARE)
)
"""What the elements of a compact-array may be made of, besides arrays and structures."""

_DESCRIBED_PER_OCTET, _DESCRIBED_LEAST = 4, 64
_INTEGERS = (DOUBLE_LONG, DOUBLE_LONG_UNSIGNED, INTEGER, LONG, UNSIGNED, LONG_UNSIGNED, LONG64, LONG64_UNSIGNED)


def decode(raw: bytes) -> Value:
    """One value that fills raw. Raises RemoteProtocolError: MALFORMED, TOO_DEEP, UNSUPPORTED."""
    value, end = decode_from(raw, 0)
    if end != len(raw):
        raise malformed(f"{len(raw) - end} octets follow the value")
    return value


def decode_from(raw: bytes, at: int, depth: int = 0) -> tuple[Value, int]:
    """The value that begins there and the offset behind it."""
    if at >= len(raw):
        raise malformed("a value is missing")
    tag = raw[at]
    at += 1
    taker = _TAKERS.get(tag)
    if taker is not None:
        unpack, size = taker
        if at + size > len(raw):
            raise malformed(f"type {tag} needs {size} octets")
        return unpack(raw, at)[0], at + size
    return _decode_other(tag, raw, at, depth)


def _decode_other(tag: int, raw: bytes, at: int, depth: int) -> tuple[Value, int]:
    if tag == OCTET_STRING:
        return take_octets(raw, at)
    if tag in (NULL, DONT_CARE):
        return None, at
    if tag in (STRUCTURE, ARRAY):
        return _decode_elements(raw, at, depth + 1)
    if tag == BOOLEAN:
        if at >= len(raw):
            raise malformed("a boolean is missing")
        return raw[at] != 0, at + 1
    if tag in (VISIBLE_STRING, UTF8_STRING):
        octets, at = take_octets(raw, at)
        try:
            return octets.decode("ascii" if tag == VISIBLE_STRING else "utf-8"), at
        except UnicodeDecodeError:
            raise malformed("a text that is not in its own alphabet") from None
    if tag == BIT_STRING:
        return _decode_bits(raw, at)
    if tag == COMPACT_ARRAY:
        return _decode_compact(raw, at)
    if tag in _FIXED_OCTETS:
        end = at + _FIXED_OCTETS[tag]
        if end > len(raw):
            raise malformed(f"type {tag} is cut short")
        return raw[at:end], end
    raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"data type {tag}")


def _decode_elements(raw: bytes, at: int, depth: int) -> tuple[Value, int]:
    if depth > DEPTH_MAX:
        raise RemoteProtocolError(ErrorCode.TOO_DEEP, f"more than {DEPTH_MAX} levels of structures")
    count, at = take_length(raw, at)
    if count > len(raw) - at:
        raise malformed(f"{count} elements in {len(raw) - at} octets")
    values = []
    for _ in range(count):
        value, at = decode_from(raw, at, depth)
        values.append(value)
    return tuple(values), at


def _decode_bits(raw: bytes, at: int) -> tuple[Value, int]:
    count, at = take_length(raw, at)
    end = at + (count + 7) // 8
    if end > len(raw):
        raise malformed("a bit-string is cut short")
    bits = "".join(f"{octet:08b}" for octet in raw[at:end])
    return BitString(bits[:count]), end


def take_content(tag: int, raw: bytes, at: int) -> tuple[Value, int]:
    """The value of a type without elements, whose tag was told elsewhere, and the offset behind it."""
    taker = _TAKERS.get(tag)
    if taker is None:
        return _decode_other(tag, raw, at, DEPTH_MAX)
    unpack, size = taker
    if at + size > len(raw):
        raise malformed(f"type {tag} needs {size} octets")
    return unpack(raw, at)[0], at + size


@dataclass(frozen=True, slots=True)
class TypeDescription:
    """Of the elements of a compact-array. members: of a structure, or the one of an array of so many elements."""

    tag: int
    members: tuple["TypeDescription", ...] = ()
    elements: int = 0


def take_description(raw: bytes, at: int, depth: int = 0) -> tuple[TypeDescription, int]:
    """The description that begins there and the offset behind it. Raises RemoteProtocolError."""
    if at >= len(raw):
        raise malformed("a type description is missing")
    if depth > DEPTH_MAX:
        raise RemoteProtocolError(ErrorCode.TOO_DEEP, f"more than {DEPTH_MAX} levels of structures")
    tag, at = raw[at], at + 1
    if tag == ARRAY:
        elements, at = int.from_bytes(raw[at : at + 2], "big"), at + 2
        member, at = take_description(raw, at, depth + 1)
        return TypeDescription(ARRAY, (member,), elements), at
    if tag == STRUCTURE:
        count, at = take_length(raw, at)
        if count > len(raw) - at:
            raise malformed(f"{count} type descriptions in {len(raw) - at} octets")
        members = []
        for _ in range(count):
            member, at = take_description(raw, at, depth + 1)
            members.append(member)
        return TypeDescription(STRUCTURE, tuple(members)), at
    if tag not in DESCRIBED:
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"elements of data type {tag}")
    return TypeDescription(tag), at


class _Described:
    """Elements without tags. It bounds how many values come of so many octets: what has none costs none."""

    def __init__(self, contents: bytes) -> None:
        self.contents = contents
        self._left = _DESCRIBED_LEAST + _DESCRIBED_PER_OCTET * len(contents)

    def values(self, description: TypeDescription) -> tuple[Value, ...]:
        values, at = [], 0
        while at < len(self.contents):
            value, end = self._value(description, at)
            if end == at:
                raise malformed("elements without octets")
            values.append(value)
            at = end
        return tuple(values)

    def _value(self, description: TypeDescription, at: int) -> tuple[Value, int]:
        self._left -= 1
        if self._left < 0:
            raise malformed(f"more values than {len(self.contents)} octets can mean")
        if description.tag not in (ARRAY, STRUCTURE):
            return take_content(description.tag, self.contents, at)
        members = description.members * (description.elements if description.tag == ARRAY else 1)
        values = []
        for member in members:
            value, at = self._value(member, at)
            values.append(value)
        return tuple(values), at


def _decode_compact(raw: bytes, at: int) -> tuple[Value, int]:
    description, at = take_description(raw, at)
    contents, at = take_octets(raw, at)
    return _Described(contents).values(description), at


def _number(tag: int, value: float) -> bytes:
    try:
        return bytes((tag,)) + _NUMBERS[tag].pack(value)
    except struct.error:
        raise LocalProtocolError(f"{value} does not fit type {tag}") from None


def integer(tag: int, value: int) -> bytes:
    """A whole number of the type with this tag. Raises LocalProtocolError when it does not fit, or is no such type."""
    if tag not in _INTEGERS:
        raise LocalProtocolError(f"type {tag} is no whole number")
    return _number(tag, value)


def null() -> bytes:
    return b"\x00"


def boolean(value: bool) -> bytes:
    return b"\x03\x01" if value else b"\x03\x00"


def i8(value: int) -> bytes:
    return _number(INTEGER, value)


def i16(value: int) -> bytes:
    return _number(LONG, value)


def i32(value: int) -> bytes:
    return _number(DOUBLE_LONG, value)


def i64(value: int) -> bytes:
    return _number(LONG64, value)


def u8(value: int) -> bytes:
    return _number(UNSIGNED, value)


def u16(value: int) -> bytes:
    return _number(LONG_UNSIGNED, value)


def u32(value: int) -> bytes:
    return _number(DOUBLE_LONG_UNSIGNED, value)


def u64(value: int) -> bytes:
    return _number(LONG64_UNSIGNED, value)


def enum(value: int) -> bytes:
    return _number(ENUM, value)


def float32(value: float) -> bytes:
    return _number(FLOAT32, value)


def octets(value: bytes) -> bytes:
    return b"\x09" + put_length(len(value)) + value


def text(value: str) -> bytes:
    """visible-string: ASCII. Raises LocalProtocolError."""
    try:
        encoded = value.encode("ascii")
    except UnicodeEncodeError:
        raise LocalProtocolError(f"{value[:20]!r} is not ASCII") from None
    return b"\x0a" + put_length(len(encoded)) + encoded


def utf8(value: str) -> bytes:
    encoded = value.encode("utf-8")
    return b"\x0c" + put_length(len(encoded)) + encoded


def structure(*encoded: bytes) -> bytes:
    return b"\x02" + put_length(len(encoded)) + b"".join(encoded)


def array(*encoded: bytes) -> bytes:
    return b"\x01" + put_length(len(encoded)) + b"".join(encoded)
