"""One frame of type 3 (IEC 62056-46): format and length, addresses, control, HCS, information, FCS, between flags."""

from typing import Final

from msgspec import Struct

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, malformed
from aforo.dlms.hdlc.addresses import Address, take_address
from aforo.dlms.hdlc.checksum import CHECKSUM_OCTETS, checksum

FLAG: Final = 0x7E
FORMAT_OCTETS: Final = 2
BODY_OCTETS_MIN: Final = 7
BODY_OCTETS_MAX: Final = 0x7FF
"""What the length of 11 bits can say: everything between the flags."""

HEADER_OCTETS_MAX: Final = 13
"""Format, two addresses of 4 octets, control and HCS: once so many are there, the header is whole."""

_FLAG_OCTET: Final = bytes((FLAG,))
_TYPE_3, _SEGMENTED, _LENGTH = 0xA000, 0x0800, BODY_OCTETS_MAX


class Frame(Struct, frozen=True):
    """control: the octet; `decode_control` reads it.   is_segmented: more of the same APDU follows."""

    destination: Address
    source: Address
    control: int
    information: bytes = b""
    is_segmented: bool = False


def encode(frame: Frame) -> bytes:
    """Flags included. A frame without information has no HCS: its FCS covers the header already."""
    header = frame.destination.encode() + frame.source.encode() + bytes((frame.control,))
    length = FORMAT_OCTETS + len(header) + CHECKSUM_OCTETS
    if frame.information:
        length += CHECKSUM_OCTETS + len(frame.information)
    if length > BODY_OCTETS_MAX:
        raise LocalProtocolError(f"{len(frame.information)} octets do not fit one frame")
    body = (_TYPE_3 | frame.is_segmented * _SEGMENTED | length).to_bytes(2, "big") + header
    if frame.information:
        body += checksum(body) + frame.information
    return _FLAG_OCTET + body + checksum(body) + _FLAG_OCTET


def body_length(octets: bytes, at: int) -> int:
    """Octets between the flags, as the format field at this offset says. Raises RemoteProtocolError (MALFORMED)."""
    field = octets[at] << 8 | octets[at + 1]
    if field & 0xF000 != _TYPE_3:
        raise malformed(f"frame format {field:04X}, not type 3")
    length = field & _LENGTH
    if length < BODY_OCTETS_MIN:
        raise malformed(f"a frame of {length} octets")
    return length


def check_header(body: bytes) -> None:
    """Whether the HCS fits, as far as the header is there. Raises RemoteProtocolError (BAD_CHECKSUM, MALFORMED)."""
    _, at = take_address(body, FORMAT_OCTETS)
    _, at = take_address(body, at)
    end = at + 1
    if body_length(body, 0) > end + CHECKSUM_OCTETS and body[end : end + CHECKSUM_OCTETS] != checksum(body[:end]):
        raise RemoteProtocolError(ErrorCode.BAD_CHECKSUM, "the header check sequence does not fit")


def decode(body: bytes) -> Frame:
    """What stands between two flags. Raises RemoteProtocolError (BAD_CHECKSUM, MALFORMED)."""
    if len(body) < BODY_OCTETS_MIN:
        raise malformed(f"a frame of {len(body)} octets")
    if body_length(body, 0) != len(body):
        raise malformed(f"a frame of {len(body)} octets that says {body_length(body, 0)}")
    end = len(body) - CHECKSUM_OCTETS
    if body[end:] != checksum(body[:end]):
        raise RemoteProtocolError(ErrorCode.BAD_CHECKSUM, "the frame check sequence does not fit")
    destination, at = take_address(body, FORMAT_OCTETS)
    source, at = take_address(body, at)
    if at >= end:
        raise malformed("a frame without a control field")
    control, information = body[at], b""
    if at + 1 != end:
        begin = at + 1 + CHECKSUM_OCTETS
        if begin >= end:
            raise malformed("a header check sequence without information")
        if body[at + 1 : begin] != checksum(body[: at + 1]):
            raise RemoteProtocolError(ErrorCode.BAD_CHECKSUM, "the header check sequence does not fit")
        information = body[begin:end]
    return Frame(destination, source, control, information, bool(body[0] & _SEGMENTED >> 8))
