"""One request to a server and its answer, in as many APDUs as they need; their protection is not its business."""

from enum import Enum

from aforo.dlms.client_exchange import ANSWER_OF, Bounds, can_be_in_blocks
from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.events import (
    AccessRequest,
    AccessResponse,
    DataAccess,
    Request,
    Response,
    SetListResponse,
    SetResponse,
)
from aforo.dlms.long_octets import BlockSink, BlockSource
from aforo.dlms.xdlms import access, blocks, services, tags


class Phase(Enum):
    """COLLECTING: blocks of the request.   ASKED: the request is whole, and to be answered.

    ANSWERING: blocks of the answer.   OVER: answered, or not to be answered.
    """

    COLLECTING = "collecting"
    ASKED = "asked"
    ANSWERING = "answering"
    OVER = "over"


class ServerExchange:
    """take the request's APDUs, answer it once it is whole, take what asks on until `phase` is OVER."""

    __slots__ = ("_answer_tag", "_bounds", "_first", "_priority", "_request", "_sink", "_source", "phase")

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self.phase = Phase.COLLECTING
        self._priority = 0
        self._request: Request | None = None
        self._first: tuple[bytes, bytes] | None = None
        self._sink = BlockSink(bounds.octets_max)
        self._source: BlockSource | None = None
        self._answer_tag = 0

    @property
    def is_confirmed(self) -> bool:
        if isinstance(self._request, AccessRequest):
            return access.is_confirmed_access(self._priority)
        return tags.is_confirmed(self._priority)

    def take(self, plain: bytes) -> Request | bytes | None:
        """The request, once it is whole; or the APDU that is to be sent, None without one.

        Raises RemoteProtocolError.
        """
        form = (plain[0], plain[1] if len(plain) > 1 else 0)
        if form in blocks.ASKS:
            return self._ask_on(plain)
        if form in blocks.NEXTS:
            return self._next(plain)
        if plain[0] == tags.ACCESS_REQUEST:
            request, self._priority = access.decode_access_request(plain)
            return self._asked(request)
        if form in blocks.FIRSTS:
            if len(plain) < 3:
                raise RemoteProtocolError(ErrorCode.MALFORMED, "a request that is cut short")
            references, block = blocks.decode_first(plain)
            self._first, self._priority = (plain[:3], references), plain[2]
            return self._collect(block, plain[0])
        single, self._priority = services.decode_request(plain)
        return self._asked(single)

    def _asked(self, request: Request) -> Request:
        self._request = request
        self.phase = Phase.ASKED
        return request

    def _next(self, plain: bytes) -> Request | bytes | None:
        if self._first is None or self.phase is not Phase.COLLECTING or plain[0] != self._first[0][0]:
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, "a block that continues nothing")
        block = blocks.decode_next(plain)
        return self._collect(block, plain[0])

    def _collect(self, block: blocks.Block, tag: int) -> Request | bytes | None:
        assert self._first is not None
        whole = self._sink.take(block)
        if whole is not None:
            return self._asked(blocks.joined_request(*self._first, whole))
        return blocks.encode_taken(tag, self._priority, block.number) if tags.is_confirmed(self._priority) else None

    def _ask_on(self, plain: bytes) -> bytes:
        """Raises RemoteProtocolError (UNEXPECTED_APDU), when no answer in blocks is under way."""
        number = blocks.decode_number(plain)
        wanted = tags.GET_RESPONSE if plain[0] == tags.GET_REQUEST else tags.ACTION_RESPONSE
        if self._source is None or wanted != self._answer_tag:
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, "no answer in blocks is under way")
        if number != self._source.number:
            self.phase = Phase.OVER
            if wanted == tags.ACTION_RESPONSE:
                raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, f"block {number} was not the last one sent")
            wrong = blocks.Block(is_last=True, number=number, raw=b"", refusal=DataAccess.DATA_BLOCK_NUMBER_INVALID)
            return blocks.encode_answer_block(wanted, self._priority, wrong)
        return self._answer_block(self._source)

    def answer(self, response: Response) -> bytes | None:
        """The first APDU of the answer; None: an unconfirmed request is not answered. Raises LocalProtocolError."""
        if self.phase is not Phase.ASKED or self._request is None:
            raise LocalProtocolError("nothing is asked")
        if not isinstance(response, ANSWER_OF[type(self._request)]):
            raise LocalProtocolError(f"{type(response).__name__} does not answer {type(self._request).__name__}")
        plain = self._encoded(response)
        self.phase = Phase.OVER
        if not self.is_confirmed:
            return None
        room = self._bounds.room
        if isinstance(response, AccessResponse) or room is None or len(plain) <= room:
            return plain
        octets = blocks.answer_octets(response)
        if octets is None or not can_be_in_blocks(self._request, self._bounds.conformance):
            return plain
        self._source, self._answer_tag = BlockSource(octets), plain[0]
        return self._answer_block(self._source)

    def _encoded(self, response: Response) -> bytes:
        if isinstance(response, AccessResponse):
            return access.encode_access_response(response, self._priority)
        if self._first is not None and isinstance(response, SetResponse | SetListResponse):
            return blocks.encode_last_taken(response, self._priority, self._sink.number)
        return services.encode_response(response, self._priority)

    def _answer_block(self, source: BlockSource) -> bytes:
        assert self._bounds.room is not None, "an answer goes in blocks where there is a bound"
        block = source.next_block(self._bounds.room - blocks.BLOCK_OCTETS)
        self.phase = Phase.OVER if source.is_over else Phase.ANSWERING
        return blocks.encode_answer_block(self._answer_tag, self._priority, block)
