"""The rows of a load profile, fast where they are alike: one look at the first row tells where every value lies.

Rows that are not alike go the general way, `aforo.dlms.data`; both give the same values and raise the same errors.
"""

import struct
from collections.abc import Sequence
from datetime import datetime, timedelta

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

_TIMES_MAX = 10_000
_times: dict[bytes, timedelta] = {}


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
    moments: list[datetime | None] = []
    days: dict[bytes, datetime] = {}
    for octets in column:
        if not isinstance(octets, bytes):
            raise malformed("a date-time is an octet-string")
        day, time = days.get(octets[:5] + octets[9:]), _times.get(octets[5:9])
        if day is not None and time is not None:
            moments.append(day + time)
            continue
        moment = dates.decode(octets)
        moments.append(moment)
        if moment is not None:
            midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
            days[octets[:5] + octets[9:]] = midnight
            if len(_times) < _TIMES_MAX:
                _times[octets[5:9]] = moment - midnight
    return moments


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
    return struct.Struct("".join(codes)), tags
