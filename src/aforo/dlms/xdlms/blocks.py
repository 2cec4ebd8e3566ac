"""GET, SET and ACTION in blocks of their own (IEC 62056-5-3): what does not fit one APDU.

GET     C4 02 inv last block(4) 00 raw | 01 result       asked on by C0 02 inv block(4)
SET     C1 02 inv attribute last block(4) raw, or C1 05 inv n{attribute} last block(4) raw
        then C1 03 inv last block(4) raw
        taken by C5 02 inv block(4); at the end by C5 03 inv result block(4), or C5 04 inv n{result} block(4)
ACTION  C3 04 inv method last block(4) raw, or C3 05 inv n{method} last block(4) raw
        then C3 06 inv last block(4) raw
        taken by C7 04 inv block(4); its answer C7 02 inv last block(4) raw is asked on by C3 02 inv block(4)

What the raw octets make up together: of a GET its Data, or n{Get-Data-Result} of a list; of a SET and an ACTION the
Data, or n{Data}; of an ACTION's answer Action-Response-With-Optional-Data, or n of them.
"""

from msgspec import Struct

from aforo.dlms.axdr import put_octets, take_octets
from aforo.dlms.errors import malformed
from aforo.dlms.events import (
    ActionListRequest,
    ActionListResponse,
    ActionRequest,
    ActionResponse,
    DataAccess,
    GetListRequest,
    GetListResponse,
    GetResponse,
    Selection,
    ServiceRequest,
    ServiceResponse,
    SetListRequest,
    SetListResponse,
    SetRequest,
    SetResponse,
)
from aforo.dlms.xdlms import services
from aforo.dlms.xdlms.octets import nothing_left, rest_data, take_number, take_octet
from aforo.dlms.xdlms.tags import (
    ACTION_REQUEST,
    ACTION_RESPONSE,
    GET_REQUEST,
    GET_RESPONSE,
    HIGH,
    SET_REQUEST,
    SET_RESPONSE,
)

GET_NEXT, GET_BLOCK = 2, 2
SET_FIRST, SET_BLOCK, SET_LIST_FIRST = 2, 3, 5
SET_BLOCK_TAKEN, SET_LAST_TAKEN, SET_LIST_LAST_TAKEN = 2, 3, 4
ACTION_NEXT, ACTION_FIRST, ACTION_LIST_FIRST, ACTION_BLOCK = 2, 4, 5, 6
ACTION_ANSWER_BLOCK, ACTION_BLOCK_TAKEN = 2, 4

FIRSTS = {(SET_REQUEST, SET_FIRST), (SET_REQUEST, SET_LIST_FIRST),
          (ACTION_REQUEST, ACTION_FIRST), (ACTION_REQUEST, ACTION_LIST_FIRST)}  # fmt: skip
NEXTS = {(SET_REQUEST, SET_BLOCK), (ACTION_REQUEST, ACTION_BLOCK)}
ASKS = {(GET_REQUEST, GET_NEXT), (ACTION_REQUEST, ACTION_NEXT)}
TAKEN = {(SET_RESPONSE, SET_BLOCK_TAKEN), (ACTION_RESPONSE, ACTION_BLOCK_TAKEN)}
LAST_TAKEN = {(SET_RESPONSE, SET_LAST_TAKEN), (SET_RESPONSE, SET_LIST_LAST_TAKEN)}
ANSWER_BLOCKS = {(GET_RESPONSE, GET_BLOCK), (ACTION_RESPONSE, ACTION_ANSWER_BLOCK)}

BLOCK_OCTETS = 12
"""At most, beside the raw octets and the references: tag, form, invoke-id, last, number, choice, and a length of 3."""

_HEAD_OCTETS = 3
_SPLIT = SetRequest | SetListRequest | ActionRequest | ActionListRequest


class Block(Struct, frozen=True):
    """refusal: in place of raw octets, of a GET only."""

    is_last: bool
    number: int
    raw: bytes
    refusal: DataAccess | None = None


def splittable(request: ServiceRequest) -> tuple[bytes, bytes] | None:
    """References for the first block, and what goes into the blocks. None: there is nothing that could be split."""
    match request:
        case SetRequest():
            return services.put_target(request) + services.put_selection(request.selection), request.data
        case ActionRequest(parameter=bytes(parameter)):
            return services.put_target(request), parameter
        case SetListRequest() | ActionListRequest():
            return services.put_targets(request), services.put_values(request)
    return None


def encode_first(request: ServiceRequest, priority: int, references: bytes, block: Block) -> bytes:
    match request:
        case SetRequest():
            head = (SET_REQUEST, SET_FIRST)
        case SetListRequest():
            head = (SET_REQUEST, SET_LIST_FIRST)
        case ActionRequest():
            head = (ACTION_REQUEST, ACTION_FIRST)
        case _:
            head = (ACTION_REQUEST, ACTION_LIST_FIRST)
    return bytes((*head, priority)) + references + _block(block)


def encode_next(request: ServiceRequest, priority: int, block: Block) -> bytes:
    is_set = isinstance(request, SetRequest | SetListRequest)
    head = (SET_REQUEST, SET_BLOCK) if is_set else (ACTION_REQUEST, ACTION_BLOCK)
    return bytes((*head, priority)) + _block(block)


def encode_ask(tag: int, priority: int, number: int) -> bytes:
    """tag: of the request whose answer comes in blocks. Of a GET, number is the last one received."""
    form = GET_NEXT if tag == GET_REQUEST else ACTION_NEXT
    return bytes((tag, form, priority)) + number.to_bytes(4, "big")


def encode_taken(tag: int, priority: int, number: int) -> bytes:
    """tag: of the request."""
    head = (SET_RESPONSE, SET_BLOCK_TAKEN) if tag == SET_REQUEST else (ACTION_RESPONSE, ACTION_BLOCK_TAKEN)
    return bytes((*head, priority)) + number.to_bytes(4, "big")


def encode_last_taken(response: SetResponse | SetListResponse, priority: int, number: int) -> bytes:
    tail = number.to_bytes(4, "big")
    if isinstance(response, SetResponse):
        return bytes((SET_RESPONSE, SET_LAST_TAKEN, priority, response.result)) + tail
    results = bytes(each.result for each in response.items)
    return bytes((SET_RESPONSE, SET_LIST_LAST_TAKEN, priority)) + put_octets(results) + tail


def answer_octets(response: ServiceResponse) -> bytes | None:
    """What goes into the blocks of an answer. None: it has no form in blocks."""
    match response:
        case GetResponse(DataAccess.SUCCESS, bytes(value)):
            return value
        case GetListResponse():
            return services.put_get_results(response)
        case ActionResponse():
            return services.put_action_result(response)
        case ActionListResponse():
            return services.put_action_results(response)
    return None


def encode_answer_block(tag: int, priority: int, block: Block) -> bytes:
    """tag: GET_RESPONSE or ACTION_RESPONSE."""
    if tag == ACTION_RESPONSE:
        return bytes((tag, ACTION_ANSWER_BLOCK, priority)) + _block(block)
    head = bytes((tag, GET_BLOCK, priority, block.is_last)) + block.number.to_bytes(4, "big")
    if block.refusal is not None:
        return head + bytes((1, block.refusal))
    return head + b"\x00" + put_octets(block.raw)


def decode_first(raw: bytes) -> tuple[bytes, Block]:
    """The references of a request in blocks, and its first block. Raises RemoteProtocolError (MALFORMED)."""
    if (raw[0], raw[1]) in ((SET_REQUEST, SET_LIST_FIRST), (ACTION_REQUEST, ACTION_LIST_FIRST)):
        _, at = services.take_list_targets(raw, _HEAD_OCTETS, raw[0])
    else:
        *_, at = services.take_target(raw, _HEAD_OCTETS)
        if raw[0] == SET_REQUEST:
            _, at = services.take_selection(raw, at)
    return raw[_HEAD_OCTETS:at], _take_block(raw, at)


def decode_next(raw: bytes) -> Block:
    return _take_block(raw, _HEAD_OCTETS)


def decode_number(raw: bytes) -> int:
    """Of an APDU that holds nothing but a block's number."""
    number, at = take_number(raw, _HEAD_OCTETS, 4)
    nothing_left(raw, at)
    return number


def decode_last_taken(raw: bytes) -> tuple[SetResponse | SetListResponse, int]:
    """The answer, and the number of the last block."""
    if raw[1] == SET_LAST_TAKEN:
        result, at = take_octet(raw, _HEAD_OCTETS)
        response: SetResponse | SetListResponse = SetResponse(services.result_of(result))
    else:
        response, at = services.take_set_results(raw, _HEAD_OCTETS)
    number, at = take_number(raw, at, 4)
    nothing_left(raw, at)
    return response, number


def decode_answer_block(raw: bytes) -> Block:
    if raw[0] == ACTION_RESPONSE:
        return _take_block(raw, _HEAD_OCTETS)
    is_last, at = take_octet(raw, _HEAD_OCTETS)
    number, at = take_number(raw, at, 4)
    choice, at = take_octet(raw, at)
    if choice == 1:
        refused, at = take_octet(raw, at)
        nothing_left(raw, at)
        return Block(bool(is_last), number, b"", services.result_of(refused))
    if choice:
        raise malformed("a block that is neither octets nor a refusal")
    octets, at = take_octets(raw, at)
    nothing_left(raw, at)
    return Block(bool(is_last), number, octets)


def joined_request(head: bytes, references: bytes, whole: bytes) -> ServiceRequest:
    """head: tag, form and invoke-id-and-priority of the first block. Raises RemoteProtocolError (MALFORMED)."""
    tag, form, high = head[0], head[1], bool(head[2] & HIGH)
    if (tag, form) in ((SET_REQUEST, SET_LIST_FIRST), (ACTION_REQUEST, ACTION_LIST_FIRST)):
        targets, _ = services.take_list_targets(references, 0, tag)
        values, at = services.take_values(whole, 0, len(targets))
        nothing_left(whole, at)
        return services.list_request(tag, targets, values, high=high)
    class_id, name, member, at = services.take_target(references, 0)
    value = rest_data(whole, 0)
    if tag == ACTION_REQUEST:
        return ActionRequest(class_id, name, member, value, high)
    selection: Selection | None
    selection, _ = services.take_selection(references, at)
    return SetRequest(class_id, name, member, value, selection, high)


def joined_answer(request: ServiceRequest, whole: bytes) -> ServiceResponse:
    """request: the one that is answered, which tells the form. Raises RemoteProtocolError (MALFORMED)."""
    match request:
        case GetListRequest():
            return services.take_get_results(whole, 0)
        case ActionListRequest():
            return services.take_action_results(whole, 0)
        case ActionRequest():
            return services.take_whole_action_result(whole, 0)
    return GetResponse(DataAccess.SUCCESS, rest_data(whole, 0))


def _block(block: Block) -> bytes:
    """DataBlock-SA."""
    return bytes((block.is_last,)) + block.number.to_bytes(4, "big") + put_octets(block.raw)


def _take_block(raw: bytes, at: int) -> Block:
    is_last, at = take_octet(raw, at)
    number, at = take_number(raw, at, 4)
    octets, at = take_octets(raw, at)
    nothing_left(raw, at)
    return Block(bool(is_last), number, octets)
