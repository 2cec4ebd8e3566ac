"""The rows of a load profile, fast where they are alike: one look at the first row tells where every value lies.

Rows that are not alike go the general way, `aforo.dlms.data`; both give the same values and raise the same errors.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from aforo.dlms import data, dates
from aforo.dlms.axdr import take_length
from aforo.dlms.errors import RemoteProtocolError, malformed

_FORMATS = {
    data.DOUBLE_LONG: "i", data.DOUBLE_LONG_UNSIGNED: "I", data.BCD: "b", data.INTEGER: "b", data.LONG: "h",
    data.UNSIGNED: "B", data.LONG_UNSIGNED: "H", data.LONG64: "q", data.LONG64_UNSIGNED: "Q", data.ENUM: "B",
    data.FLOAT32: "f", data.FLOAT64: "d", data.BOOLEAN: "?",
}  # fmt: skip
_ROWS_LEAST = 4
"""Fewer are read sooner than looked at."""

_struct_of = lru_cache(maxsize=64)(struct.Struct)
_PARTS = struct.Struct(">5s4s3s")
"""Of a date-time: year to weekday, time of day, deviation and status."""

_TIMES_MAX = 10_000


class _Midnights(dict[bytes, datetime]):
    """By the octets of day, deviation and status. KeyError: it is not wholly specified."""

    def __missing__(self, octets: bytes) -> datetime:
        midnight = dates.decode(octets[:5] + bytes(4) + octets[5:])
        if midnight is None:
            raise KeyError(octets)
        self[octets] = midnight
        return midnight


class _Times(dict[bytes, timedelta]):
    """Since midnight, by the octets of the time of day. It keeps _TIMES_MAX of them. KeyError: as above."""

    def __missing__(self, octets: bytes) -> timedelta:
        moment = dates.decode(_SOME_DAY + octets + bytes(3))
        if moment is None:
            raise KeyError(octets)
        time = moment - _SOME_MIDNIGHT
        if len(self) < _TIMES_MAX:
            self[octets] = time
        return time


_SOME_MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)
_SOME_DAY = dates.encode(_SOME_MIDNIGHT)[:5]
_times = _Times()


def decode_rows(encoded: bytes) -> tuple[data.Value, ...]:
    """The buffer of a Profile generic: a tuple of rows. Raises RemoteProtocolError."""
    alike = _decode_alike(encoded)
    if alike is not None:
        return alike
    value = data.decode(encoded)
    if encoded[0] != data.ARRAY or not isinstance(value, tuple):
        raise malformed("a profile's buffer is an array")
    return value


def decode_moments(column: Sequence[data.Value]) -> list[datetime | None]:
    """What `dates.decode` gives for each, faster: the same days and times of day come again and again.

    Raises RemoteProtocolError (MALFORMED).
    """
    try:
        joined = b"".join(column)  # type: ignore[arg-type]  # what is no octet-string ends it
    except TypeError:
        raise malformed("a date-time is an octet-string") from None
    if set(map(len, column)) == {dates.OCTETS}:  # type: ignore[arg-type]  # octet-strings, since they were joined
        midnights, times = _Midnights(), _times
        try:
            return [midnights[day + zone] + times[time] for day, time, zone in _PARTS.iter_unpack(joined)]
        except (KeyError, RemoteProtocolError):
            pass  # one by one: what is unspecified is None there, whatever the rest of it says
    return [dates.decode(each) for each in column]  # type: ignore[arg-type]  # the same


def fills_alike(encoded: bytes, at: int) -> bool:
    """Whether an array of rows that are alike begins there and fills the rest: then it need not be decoded to be known
    as well-formed. False says nothing.
    """
    return _alike(encoded, at) is not None


def _decode_alike(encoded: bytes) -> tuple[data.Value, ...] | None:
    found = _alike(encoded, 0)
    if found is None:
        return None
    form, begin = found
    return tuple(form.iter_unpack(encoded[begin:]))


def _alike(encoded: bytes, at: int) -> tuple[struct.Struct, int] | None:
    """How each row lies, and where the first begins."""
    if encoded[at : at + 1] != bytes((data.ARRAY,)):
        return None
    try:
        count, begin = take_length(encoded, at + 1)
        if count < _ROWS_LEAST:
            return None
        form, tags = _form_of(encoded, begin)
    except RemoteProtocolError:
        return None
    if form is None or len(encoded) - begin != count * form.size:
        return None
    for place, octet in tags:
        if encoded[begin + place :: form.size] != bytes((octet,)) * count:
            return None
    return form, begin


def _form_of(encoded: bytes, begin: int) -> tuple[struct.Struct | None, list[tuple[int, int]]]:
    """How the first row lies, and the octets that every row must have in the same places. None: it varies in length.

    Raises RemoteProtocolError.
    """
    if encoded[begin : begin + 1] != bytes((data.STRUCTURE,)):
        return None, []
    columns, at = take_length(encoded, begin + 1)
    tags = [(place, encoded[begin + place]) for place in range(at - begin)]
    codes = [f">{at - begin}x"]
    for _ in range(columns):
        _, end = data.decode_from(encoded, at)
        tag = encoded[at]
        tags.append((at - begin, tag))
        if tag in _FORMATS:
            codes.append(f"x{_FORMATS[tag]}")
        elif tag == data.OCTET_STRING:
            octets, inside = take_length(encoded, at + 1)
            tags += [(place - begin, encoded[place]) for place in range(at + 1, inside)]
            codes.append(f"{inside - at}x{octets}s")
        else:
            return None, []
        at = end
    return _struct_of("".join(codes)), tags
