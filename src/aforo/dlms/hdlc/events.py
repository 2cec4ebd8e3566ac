"""What a link tells its user."""

from dataclasses import dataclass

from aforo.dlms.errors import RemoteProtocolError
from aforo.dlms.hdlc.addresses import Address
from aforo.dlms.hdlc.control import FrameReject
from aforo.dlms.hdlc.negotiation import LinkParameters


@dataclass(frozen=True, slots=True)
class Connected:
    """Both ends count from zero. parameters: as agreed, seen from here."""

    parameters: LinkParameters
    peer: Address


@dataclass(frozen=True, slots=True)
class ApduReceived:
    """Whole, once, and in the order in which the peer sent them; without the LLC header."""

    apdu: bytes


@dataclass(frozen=True, slots=True)
class UnnumberedReceived:
    """A UI frame's APDU: not acknowledged, perhaps lost or repeated, with or without a connection."""

    apdu: bytes
    source: Address


@dataclass(frozen=True, slots=True)
class Disconnected:
    """In order. by_peer: it was not asked for from here. What was not acknowledged is lost."""

    by_peer: bool


@dataclass(frozen=True, slots=True)
class LinkFailed:
    """What was under way is lost. reject: the peer's own words, when it is the peer who refused a frame."""

    error: RemoteProtocolError
    reject: FrameReject | None = None


@dataclass(frozen=True, slots=True)
class LinkSilent:
    """The peer does not answer, or only that it is there. Whether it took what was sent last is not known."""

    detail: str


@dataclass(frozen=True, slots=True)
class FrameRefused:
    """Dropped; the link goes on, and the sender repeats what it finds missing."""

    error: RemoteProtocolError


LinkEvent = Connected | ApduReceived | UnnumberedReceived | Disconnected | LinkFailed | LinkSilent | FrameRefused
