"""The wrapper for TCP and UDP (IEC 62056-47): version, source, destination and length before each APDU."""

import struct
from typing import NamedTuple

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, malformed

HEADER_OCTETS = 8
VERSION = 1
PORT = 4059
_HEADER = struct.Struct(">HHHH")


class WrapperFrame(NamedTuple):
    """source, destination: service access points (wPorts)."""

    source: int
    destination: int
    apdu: bytes


def encode(source: int, destination: int, apdu: bytes) -> bytes:
    if len(apdu) > 0xFFFF:
        raise LocalProtocolError(f"{len(apdu)} octets do not fit one wrapper frame")
    return _HEADER.pack(VERSION, source, destination, len(apdu)) + apdu


def decode(datagram: bytes, *, apdu_max: int = 0xFFFF) -> WrapperFrame:
    """The one frame that a UDP datagram holds. Raises RemoteProtocolError (MALFORMED, TOO_LONG)."""
    if len(datagram) < HEADER_OCTETS:
        raise malformed(f"{len(datagram)} octets are no wrapper frame")
    version, source, destination, length = _HEADER.unpack_from(datagram)
    _check(version, length, apdu_max)
    if HEADER_OCTETS + length != len(datagram):
        raise malformed(f"a length of {length} before {len(datagram) - HEADER_OCTETS} octets")
    return WrapperFrame(source, destination, datagram[HEADER_OCTETS:])


def _check(version: int, length: int, apdu_max: int) -> None:
    if version != VERSION:
        raise malformed(f"wrapper version {version}, not {VERSION}")
    if length == 0:
        raise malformed("a wrapper frame without an APDU")
    if length > apdu_max:
        raise RemoteProtocolError(ErrorCode.TOO_LONG, f"an APDU of {length} octets where {apdu_max} are allowed")


class WrapperReader:
    """Octets as they come, frames as they are complete. Holds at most one unfinished frame.

    apdu_max: a longer one is refused before it is received.
    """

    __slots__ = ("_apdu_max", "_pending")

    def __init__(self, *, apdu_max: int = 0xFFFF) -> None:
        self._apdu_max = apdu_max
        self._pending = b""

    def feed(self, octets: bytes) -> list[WrapperFrame]:
        """Raises RemoteProtocolError (MALFORMED, TOO_LONG): the stream can no longer be followed."""
        pending = self._pending + octets if self._pending else octets
        frames, at, there = [], 0, len(pending)
        while there - at >= HEADER_OCTETS:
            version, source, destination, length = _HEADER.unpack_from(pending, at)
            if version != VERSION or not 0 < length <= self._apdu_max:
                _check(version, length, self._apdu_max)
            begin = at + HEADER_OCTETS
            if begin + length > there:
                break
            at = begin + length
            frames.append(WrapperFrame(source, destination, pending[begin:at]))
        self._pending = pending[at:]
        return frames
