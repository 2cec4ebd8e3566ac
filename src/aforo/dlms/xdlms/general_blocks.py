"""General block transfer (IEC 62056-5-3): any APDU in numbered blocks, by windows.

E0 control block(2) acknowledged(2) octets.   control: bit 7 last, bit 6 more follow in this window, bits 0-5 window
"""

import struct
from dataclasses import dataclass

from aforo.dlms.axdr import put_octets, take_octets
from aforo.dlms.errors import malformed
from aforo.dlms.xdlms.octets import nothing_left
from aforo.dlms.xdlms.tags import GENERAL_BLOCK_TRANSFER

WINDOW_MAX = 63
BLOCK_OCTETS = 10
"""At most, beside the block's own octets."""

_HEAD = struct.Struct(">BBHH")
_LAST, _STREAMING = 0x80, 0x40


@dataclass(frozen=True, slots=True)
class GeneralBlock:
    """is_streaming: more follow before the other end has its turn.   window: blocks that the sender takes at a time; 0:
    nothing is acknowledged.   acknowledged: highest number up to which all arrived.
    """

    number: int
    acknowledged: int
    octets: bytes
    is_last: bool = False
    is_streaming: bool = False
    window: int = 1


def encode_general_block(block: GeneralBlock) -> bytes:
    control = block.window | (_LAST if block.is_last else 0) | (_STREAMING if block.is_streaming else 0)
    head = _HEAD.pack(GENERAL_BLOCK_TRANSFER, control, block.number, block.acknowledged)
    return head + put_octets(block.octets)


def decode_general_block(raw: bytes) -> GeneralBlock:
    """Raises RemoteProtocolError (MALFORMED)."""
    if len(raw) <= _HEAD.size:
        raise malformed("a block that is cut short")
    _, control, number, acknowledged = _HEAD.unpack_from(raw)
    octets, at = take_octets(raw, _HEAD.size)
    nothing_left(raw, at)
    return GeneralBlock(
        number,
        acknowledged,
        octets,
        is_last=bool(control & _LAST),
        is_streaming=bool(control & _STREAMING),
        window=control & WINDOW_MAX,
    )
