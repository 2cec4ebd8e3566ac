"""HDLC for DLMS/COSEM (IEC 62056-46), sans-I/O, for both roles. `HdlcLink` is the way in."""

from aforo.dlms.hdlc.addresses import Address
from aforo.dlms.hdlc.control import FrameReject, RejectReason
from aforo.dlms.hdlc.events import (
    ApduReceived,
    Connected,
    Disconnected,
    FrameRefused,
    LinkEvent,
    LinkFailed,
    LinkSilent,
    UnnumberedReceived,
)
from aforo.dlms.hdlc.frame_reader import FrameReader
from aforo.dlms.hdlc.frames import Frame
from aforo.dlms.hdlc.link import HdlcLink
from aforo.dlms.hdlc.link_settings import ClientLinkSettings, ServerLinkSettings
from aforo.dlms.hdlc.link_states import State
from aforo.dlms.hdlc.negotiation import LinkParameters

__all__ = [
    "Address",
    "ApduReceived",
    "ClientLinkSettings",
    "Connected",
    "Disconnected",
    "Frame",
    "FrameReader",
    "FrameRefused",
    "FrameReject",
    "HdlcLink",
    "LinkEvent",
    "LinkFailed",
    "LinkParameters",
    "LinkSilent",
    "RejectReason",
    "ServerLinkSettings",
    "State",
    "UnnumberedReceived",
]
