"""The control field (IEC 62056-46): what kind of frame, the poll/final bit, N(S) and N(R); and why one was rejected."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

from aforo.dlms.errors import ErrorCode, RemoteProtocolError, malformed

POLL_FINAL: Final = 0x10
MODULO: Final = 8
FRAME_REJECT_OCTETS: Final = 3


class Kind(IntEnum):
    """The control octet without its variable bits. REJ is understood, and never sent: few meters know it."""

    I = 0x00  # noqa: E741  the standard's name
    RR = 0x01
    RNR = 0x05
    REJ = 0x09
    UI = 0x03
    DM = 0x0F
    DISC = 0x43
    UA = 0x63
    SNRM = 0x83
    FRMR = 0x87


SUPERVISORY: Final = frozenset({Kind.RR, Kind.RNR, Kind.REJ})


@dataclass(frozen=True, slots=True)
class Control:
    """is_final: P in a command, F in a response.   send: N(S), of I only.   receive: N(R), of I, RR, RNR and REJ."""

    kind: Kind
    is_final: bool = False
    send: int = 0
    receive: int = 0


def encode_control(kind: Kind, *, is_final: bool = False, send: int = 0, receive: int = 0) -> int:
    return kind | is_final << 4 | send << 1 | receive << 5


_FIXED_BITS: Final = frozenset(map(int, Kind))


def _read(octet: int) -> Control | None:
    is_final, receive = bool(octet & POLL_FINAL), octet >> 5
    if not octet & 1:
        return Control(Kind.I, is_final, octet >> 1 & 7, receive)
    fixed = octet & 0x0F if octet & 3 == 1 else octet & ~POLL_FINAL
    if fixed not in _FIXED_BITS:
        return None
    kind = Kind(fixed)
    return Control(kind, is_final, receive=receive if kind in SUPERVISORY else 0)


_CONTROLS: Final = tuple(map(_read, range(256)))


def decode_control(octet: int) -> Control:
    """Raises RemoteProtocolError (UNSUPPORTED): a control field outside the repertoire."""
    control = _CONTROLS[octet]
    if control is None:
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"control field {octet:02X}", wire=octet)
    return control


class RejectReason(IntFlag):
    """Third octet of an FRMR's information (ISO/IEC 13239), bits W, X, Y and Z."""

    UNDEFINED_CONTROL = 1
    INFORMATION_NOT_PERMITTED = 2
    INFORMATION_TOO_LONG = 4
    INVALID_RECEIVE_NUMBER = 8


@dataclass(frozen=True, slots=True)
class FrameReject:
    """control: the rejected frame's octet.   send, receive: V(S) and V(R) of the station that rejects it."""

    control: int
    send: int
    receive: int
    reason: RejectReason

    def encode(self) -> bytes:
        return bytes((self.control, self.send << 1 | self.receive << 5, self.reason))


def decode_frame_reject(information: bytes) -> FrameReject:
    """Raises RemoteProtocolError (MALFORMED)."""
    if len(information) != FRAME_REJECT_OCTETS:
        raise malformed(f"{len(information)} octets are no frame reject information")
    control, numbers, reason = information
    return FrameReject(control, numbers >> 1 & 7, numbers >> 5, RejectReason(reason & 0x0F))
