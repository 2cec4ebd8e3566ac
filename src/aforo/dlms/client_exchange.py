"""One request of a client and its answer, in as many APDUs as they need; their protection is not its business."""

from msgspec import Struct

from aforo.dlms.errors import ErrorCode, RemoteProtocolError
from aforo.dlms.events import (
    AccessRequest,
    AccessResponse,
    ActionListRequest,
    ActionListResponse,
    ActionRequest,
    ActionResponse,
    Conformance,
    GetListRequest,
    GetListResponse,
    GetRequest,
    GetResponse,
    Request,
    Response,
    ServiceRequest,
    SetListRequest,
    SetListResponse,
    SetRequest,
    SetResponse,
)
from aforo.dlms.long_octets import BlockSink, BlockSource
from aforo.dlms.xdlms import access, blocks, services, tags

INVOKE_IDS = 16

ANSWER_OF: dict[type[Request], type[Response]] = {
    GetRequest: GetResponse,
    SetRequest: SetResponse,
    ActionRequest: ActionResponse,
    GetListRequest: GetListResponse,
    SetListRequest: SetListResponse,
    ActionListRequest: ActionListResponse,
    AccessRequest: AccessResponse,
}


class Bounds(Struct, frozen=True):
    """room: octets that a plain APDU may take on its way to the peer; None: no bound.

    octets_max: longest message put together from blocks.
    """

    conformance: Conformance
    room: int | None
    octets_max: int


class ClientExchange:
    """begin, then take what comes until it is an answer."""

    __slots__ = ("_bounds", "_invoke", "_priority", "_sink", "_source", "request")

    def __init__(self, request: Request, invoke: int, bounds: Bounds) -> None:
        self.request = request
        self._invoke = invoke
        self._bounds = bounds
        self._priority = 0
        self._source: BlockSource | None = None
        self._sink: BlockSink | None = None

    def begin(self) -> bytes:
        """The first APDU. One that is longer than the room has no form in blocks, or may not use it."""
        request = self.request
        if isinstance(request, AccessRequest):
            self._priority = access.long_priority(self._invoke, request)
            return access.encode_access_request(request, self._priority)
        plain = services.encode_request(request, self._invoke)
        self._priority = plain[2]
        room = self._bounds.room
        if room is None or len(plain) <= room or not can_be_in_blocks(request, self._bounds.conformance):
            return plain
        return self._in_blocks(request, plain, room)

    def _in_blocks(self, request: ServiceRequest, plain: bytes, room: int) -> bytes:
        parts = blocks.splittable(request)
        if parts is None:
            return plain
        references, octets = parts
        self._source = BlockSource(octets)
        block = self._source.next_block(room - blocks.BLOCK_OCTETS - len(references))
        return blocks.encode_first(request, self._priority, references, block)

    def take(self, plain: bytes) -> Response | bytes:
        """The answer, or the APDU that is to be sent next. Raises RemoteProtocolError."""
        form = (plain[0], plain[1] if len(plain) > 1 else 0)
        if plain[0] == tags.ACCESS_RESPONSE:
            return self._answered(*access.decode_access_response(plain), mask=0x00FF_FFFF)
        if plain[0] not in tags.RESPONSES:
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"APDU {plain[0]:02X}")
        if form[1] == tags.NORMAL or form not in _IN_BLOCKS:
            return self._answered(*services.decode_response(plain))
        self._check_invoke(plain[2] if len(plain) > 2 else -1)
        if form in blocks.TAKEN:
            return self._go_on(form, blocks.decode_number(plain))
        if form in blocks.LAST_TAKEN:
            response, number = blocks.decode_last_taken(plain)
            self._check_taken(number)
            return self._checked(response)
        return self._collect(plain)

    def _answered(self, response: Response, priority: int, mask: int = 0x0F) -> Response:
        self._check_invoke(priority & mask)
        return self._checked(response)

    def _checked(self, response: Response) -> Response:
        if not isinstance(response, ANSWER_OF[type(self.request)]):
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, f"{type(response).__name__} to another service")
        if not isinstance(self.request, GetRequest | SetRequest | ActionRequest):
            asked, told = len(self.request.items), len(_items(response))
            if asked != told:
                raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, f"{told} results for {asked} items")
        return response

    def _check_invoke(self, told: int) -> None:
        if told & 0x0F != self._invoke or told < 0:
            raise RemoteProtocolError(
                ErrorCode.UNEXPECTED_APDU, f"an answer to invoke-id {told & 0x0F}, asked was {self._invoke}"
            )

    def _go_on(self, form: tuple[int, int], number: int) -> bytes:
        """One of our blocks was taken: the next one."""
        source, room = self._source, self._bounds.room
        is_set = isinstance(self.request, SetRequest | SetListRequest)
        if source is None or source.is_over or (form[0] == tags.SET_RESPONSE) is not is_set:
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, "the next block is wanted, and there is none")
        self._check_taken(number)
        assert room is not None, "blocks are sent where there is a bound"
        assert not isinstance(self.request, AccessRequest), "no form in blocks"
        block = source.next_block(room - blocks.BLOCK_OCTETS)
        return blocks.encode_next(self.request, self._priority, block)

    def _check_taken(self, number: int) -> None:
        if self._source is None or number != self._source.number:
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, f"block {number} was not the last one sent")

    def _collect(self, plain: bytes) -> Response | bytes:
        """A block of the answer: the next one is asked for."""
        is_get = isinstance(self.request, GetRequest | GetListRequest)
        is_action = isinstance(self.request, ActionRequest | ActionListRequest)
        if not (is_get if plain[0] == tags.GET_RESPONSE else is_action):
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, "a block of the answer to another service")
        assert not isinstance(self.request, AccessRequest), "it is a GET or an ACTION"
        block = blocks.decode_answer_block(plain)
        if block.refusal is not None:
            if isinstance(self.request, GetListRequest):
                return GetListResponse(tuple(GetResponse(block.refusal) for _ in self.request.items))
            return GetResponse(block.refusal)
        self._sink = self._sink or BlockSink(self._bounds.octets_max)
        whole = self._sink.take(block)
        if whole is not None:
            return self._checked(blocks.joined_answer(self.request, whole))
        tag = tags.GET_REQUEST if is_get else tags.ACTION_REQUEST
        return blocks.encode_ask(tag, self._priority, block.number)


_IN_BLOCKS = blocks.TAKEN | blocks.LAST_TAKEN | blocks.ANSWER_BLOCKS
_BLOCKS_OF = {
    GetRequest: Conformance.BLOCK_GET,
    GetListRequest: Conformance.BLOCK_GET,
    SetRequest: Conformance.BLOCK_SET,
    SetListRequest: Conformance.BLOCK_SET,
    ActionRequest: Conformance.BLOCK_ACTION,
    ActionListRequest: Conformance.BLOCK_ACTION,
}


def can_be_in_blocks(request: Request, conformance: Conformance) -> bool:
    """Whether the request, or its answer, may go in blocks of its service."""
    wanted = _BLOCKS_OF.get(type(request))
    return wanted is not None and wanted in conformance


def _items(response: Response) -> tuple[object, ...]:
    if isinstance(response, GetResponse | SetResponse | ActionResponse):
        return (response,)
    return response.items
