"""Reading an APDU octet by octet: what is missing or left over is refused."""

from aforo.dlms import data
from aforo.dlms.errors import malformed
from aforo.dlms.profile_rows import fills_alike

_LONG = 256
"""Octets, from which on it pays to look whether it is a profile."""


def take_octet(raw: bytes, at: int) -> tuple[int, int]:
    if at >= len(raw):
        raise malformed("the APDU ends too early")
    return raw[at], at + 1


def take_number(raw: bytes, at: int, octets: int) -> tuple[int, int]:
    end = at + octets
    if end > len(raw):
        raise malformed("the APDU ends too early")
    return int.from_bytes(raw[at:end], "big"), end


def take_data(raw: bytes, at: int) -> tuple[bytes, int]:
    """One value, encoded, and the offset behind it."""
    _, end = data.decode_from(raw, at)
    return raw[at:end], end


def rest_data(raw: bytes, at: int) -> bytes:
    """One whole value, up to the end."""
    if len(raw) - at > _LONG and fills_alike(raw, at):
        return raw[at:]
    _, end = data.decode_from(raw, at)
    if end != len(raw):
        raise malformed(f"{len(raw) - end} octets follow the value")
    return raw[at:]


def nothing_left(raw: bytes, at: int) -> None:
    if at != len(raw):
        raise malformed(f"{len(raw) - at} octets too many")
