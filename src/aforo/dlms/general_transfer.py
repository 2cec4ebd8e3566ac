"""General block transfer of one exchange, the same for both ends (IEC 62056-5-3): windows, and what gets lost in them.

Every block has a number, also one that only acknowledges and is empty. Whoever gets a block that ends a window has the
turn: it sends its own blocks, or acknowledges. A gap is told by the number acknowledged, and what is behind it is sent
again.
"""

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.xdlms.general_blocks import (
    BLOCK_OCTETS,
    WINDOW_MAX,
    GeneralBlock,
    encode_general_block,
)

NUMBER_MAX = 0xFFFF
FRUITLESS_MAX = 16
"""Turns of the peer, one after the other, that neither bring nor acknowledge anything new."""


class GeneralTransfer:
    """window: blocks that we take at a time.   octets_max: longest APDU put together.

    is_to_answer: what we only acknowledge is not our last word.
    """

    __slots__ = (
        "_acknowledged",
        "_blocks",
        "_fruitless",
        "_is_to_answer",
        "_octets",
        "_octets_max",
        "_peer_window",
        "_received",
        "_window",
    )

    def __init__(self, *, window: int, octets_max: int, is_to_answer: bool) -> None:
        if not 1 <= window <= WINDOW_MAX:
            raise LocalProtocolError(f"a window has 1 to {WINDOW_MAX} blocks, not {window}")
        self._window = window
        self._octets_max = octets_max
        self._is_to_answer = is_to_answer
        self._peer_window = 1
        self._blocks: list[tuple[bytes, bool]] = []
        self._acknowledged = 0
        self._received = 0
        self._octets = bytearray()
        self._fruitless = 0

    @property
    def has_sent_all(self) -> bool:
        """Something of ours was sent, down to its last block."""
        return any(octets and is_last for octets, is_last in self._blocks)

    def send(self, apdu: bytes, block_max: int) -> list[bytes]:
        """block_max: longest general-block-transfer APDU, octets. What goes out now, the rest when it is asked for."""
        self._queue(apdu, block_max)
        return self._window_of_ours()

    def send_unconfirmed(self, apdu: bytes, block_max: int) -> list[bytes]:
        """All at once, and never again: nobody acknowledges them."""
        self._queue(apdu, block_max)
        last = len(self._blocks)
        out = [
            encode_general_block(GeneralBlock(number, 0, octets, is_last, is_streaming=number < last, window=0))
            for number, (octets, is_last) in enumerate(self._blocks, 1)
        ]
        self._acknowledged = last
        return out

    def take(self, block: GeneralBlock) -> tuple[bytes | None, list[bytes]]:
        """The peer's APDU once it is whole, and what is to be sent now. Raises RemoteProtocolError."""
        is_progress = self._note_acknowledged(block) | self._note_block(block)
        if block.is_streaming:
            return None, []
        self._fruitless = 0 if is_progress else self._fruitless + 1
        if self._fruitless > FRUITLESS_MAX:
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, "blocks go to and fro, and nothing new comes")
        if block.is_last and self._received == block.number and self._octets:
            whole, self._octets = bytes(self._octets), bytearray()
            return whole, []
        if block.window == 0:
            self._octets.clear()
            raise RemoteProtocolError(ErrorCode.MALFORMED, "blocks that nobody acknowledges, with a gap")
        return None, self._window_of_ours() or [self._acknowledgement()]

    def _queue(self, apdu: bytes, block_max: int) -> None:
        room = block_max - BLOCK_OCTETS
        if room < 1:
            raise LocalProtocolError("the peer's longest APDU has no room for a block")
        pieces = [apdu[at : at + room] for at in range(0, len(apdu), room)]
        if len(self._blocks) + len(pieces) > NUMBER_MAX:
            raise LocalProtocolError(f"{len(apdu)} octets are more than {NUMBER_MAX} blocks")
        self._blocks += [(piece, count == len(pieces)) for count, piece in enumerate(pieces, 1)]

    def _note_acknowledged(self, block: GeneralBlock) -> bool:
        if block.acknowledged > len(self._blocks):
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, f"block {block.acknowledged} was never sent")
        self._peer_window = max(1, block.window)
        is_progress = block.acknowledged > self._acknowledged
        self._acknowledged = max(self._acknowledged, block.acknowledged)
        return is_progress

    def _note_block(self, block: GeneralBlock) -> bool:
        if block.number != self._received + 1:
            return False
        if len(self._octets) + len(block.octets) > self._octets_max:
            raise RemoteProtocolError(ErrorCode.TOO_LONG, f"blocks of more than {self._octets_max} octets together")
        self._octets += block.octets
        self._received = block.number
        return True

    def _window_of_ours(self) -> list[bytes]:
        first = self._acknowledged
        window = self._blocks[first : first + self._peer_window]
        return [
            self._encoded(number, octets, is_last=is_last, is_streaming=number < first + len(window))
            for number, (octets, is_last) in enumerate(window, first + 1)
        ]

    def _acknowledgement(self) -> bytes:
        """A block of ours too, of no octets. Without an answer to come, each may be our last."""
        if len(self._blocks) == NUMBER_MAX:
            raise RemoteProtocolError(ErrorCode.TOO_LONG, f"more than {NUMBER_MAX} blocks")
        is_last = not self._is_to_answer or self.has_sent_all
        self._blocks.append((b"", is_last))
        self._acknowledged = len(self._blocks) - 1
        return self._encoded(len(self._blocks), b"", is_last=is_last, is_streaming=False)

    def _encoded(self, number: int, octets: bytes, *, is_last: bool, is_streaming: bool) -> bytes:
        block = GeneralBlock(number, self._received, octets, is_last, is_streaming, self._window)
        return encode_general_block(block)
