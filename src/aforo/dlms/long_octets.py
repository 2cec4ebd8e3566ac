"""What is too long for one APDU, cut into numbered blocks and put together again."""

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.xdlms.blocks import Block


class BlockSource:
    """Octets handed out block by block. room: octets of one block."""

    __slots__ = ("_at", "_octets", "_room", "number")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0
        self.number = 0

    @property
    def is_over(self) -> bool:
        return self._at >= len(self._octets) and self.number > 0

    def next_block(self, room: int) -> Block:
        """room: octets that it may take. Raises LocalProtocolError when there is none."""
        if room < 1:
            raise LocalProtocolError("the peer's longest APDU has no room for a block")
        begin, self._at = self._at, self._at + room
        self.number += 1
        return Block(self.is_over, self.number, self._octets[begin : self._at])


class BlockSink:
    """Puts blocks together, in order, up to a bound of octets."""

    __slots__ = ("_octets", "_octets_max", "number")

    def __init__(self, octets_max: int) -> None:
        self._octets = bytearray()
        self._octets_max = octets_max
        self.number = 0

    def take(self, block: Block) -> bytes | None:
        """The whole, with the last block. Raises RemoteProtocolError: UNEXPECTED_APDU for another number, TOO_LONG."""
        if block.number != self.number + 1:
            raise RemoteProtocolError(
                ErrorCode.UNEXPECTED_APDU, f"block {block.number} where {self.number + 1} was expected"
            )
        if not block.raw and not block.is_last:
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, f"block {block.number} is empty, and not the last")
        if len(self._octets) + len(block.raw) > self._octets_max:
            raise RemoteProtocolError(ErrorCode.TOO_LONG, f"blocks of more than {self._octets_max} octets together")
        self._octets += block.raw
        self.number = block.number
        return bytes(self._octets) if block.is_last else None
