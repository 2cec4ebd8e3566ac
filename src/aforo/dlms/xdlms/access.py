"""ACCESS: GET, SET and ACTION mixed in one APDU (IEC 62056-5-3).

request   D9 long-inv(4) date-time(0|12) n{choice class(2) name(6) member [selector Data]} n{Data}
response  DA long-inv(4) date-time(0|12) 00 | 01 n{specification} n{Data} n{choice result}
choice: 1 get, 2 set, 3 action, 4 get with selection, 5 set with selection
"""

from aforo.dlms import data
from aforo.dlms.axdr import put_length, put_octets, take_length
from aforo.dlms.errors import LocalProtocolError, malformed
from aforo.dlms.events import (
    AccessRequest,
    AccessResponse,
    ActionRequest,
    ActionResponse,
    DataAccess,
    GetRequest,
    GetResponse,
    Selection,
    SetRequest,
    SetResponse,
)
from aforo.dlms.xdlms.notifications import put_long_invoke, take_date_time
from aforo.dlms.xdlms.octets import nothing_left, take_data, take_number, take_octet
from aforo.dlms.xdlms.services import put_target, result_of, take_target, take_values
from aforo.dlms.xdlms.tags import ACCESS_REQUEST, ACCESS_RESPONSE

GET, SET, ACTION, GET_SELECTED, SET_SELECTED = 1, 2, 3, 4, 5
BREAK_ON_ERROR, CONFIRMED, HIGH = 1 << 29, 1 << 30, 1 << 31
"""Of a long-invoke-id-and-priority, whose lower 24 bits are the invoke-id."""

_SPECIFICATION_OCTETS = 10
_SINGLE = GetRequest | SetRequest | ActionRequest


def long_priority(invoke: int, request: AccessRequest) -> int:
    flags = CONFIRMED | (BREAK_ON_ERROR if request.breaks_on_error else 0) | (HIGH if request.high else 0)
    return invoke | flags


def is_confirmed_access(priority: int) -> bool:
    return bool(priority & CONFIRMED)


def encode_access_request(request: AccessRequest, priority: int) -> bytes:
    """priority: a long-invoke-id-and-priority."""
    count = put_length(len(request.items))
    specifications = b"".join(map(_specification, request.items))
    values = b"".join(_value(each) for each in request.items)
    head = bytes((ACCESS_REQUEST,)) + put_long_invoke(priority) + put_octets(request.date_time)
    return head + count + specifications + count + values


def decode_access_request(raw: bytes) -> tuple[AccessRequest, int]:
    """The request, and its long-invoke-id-and-priority. Raises RemoteProtocolError (MALFORMED)."""
    priority, at = take_number(raw, 1, 4)
    moment, at = take_date_time(raw, at)
    count, at = take_length(raw, at)
    if count * _SPECIFICATION_OCTETS > len(raw) - at:
        raise malformed(f"{count} specifications in {len(raw) - at} octets")
    specifications = []
    for _ in range(count):
        specification, at = _take_specification(raw, at)
        specifications.append(specification)
    values, at = take_values(raw, at, count)
    nothing_left(raw, at)
    items = tuple(_item(*each, value) for each, value in zip(specifications, values, strict=True))
    return AccessRequest(items, moment, bool(priority & BREAK_ON_ERROR), bool(priority & HIGH)), priority


def encode_access_response(response: AccessResponse, priority: int) -> bytes:
    """Without the OPTIONAL repetition of the request's specifications."""
    count = put_length(len(response.items))
    values = b"".join(
        data.null() if isinstance(each, SetResponse) or each.data is None else each.data for each in response.items
    )
    results = b"".join(bytes((_choice_of_answer(each), each.result)) for each in response.items)
    head = bytes((ACCESS_RESPONSE,)) + put_long_invoke(priority) + put_octets(response.date_time)
    return head + b"\x00" + count + values + count + results


def decode_access_response(raw: bytes) -> tuple[AccessResponse, int]:
    """The response, and its long-invoke-id-and-priority. Raises RemoteProtocolError (MALFORMED)."""
    priority, at = take_number(raw, 1, 4)
    moment, at = take_date_time(raw, at)
    repeated, at = take_octet(raw, at)
    if repeated:
        count, at = take_length(raw, at)
        if count * _SPECIFICATION_OCTETS > len(raw) - at:
            raise malformed(f"{count} specifications in {len(raw) - at} octets")
        for _ in range(count):
            _, at = _take_specification(raw, at)
    count, at = take_length(raw, at)
    if count > len(raw) - at:
        raise malformed(f"{count} values in {len(raw) - at} octets")
    values = []
    for _ in range(count):
        value, at = take_data(raw, at)
        values.append(value)
    announced, at = take_length(raw, at)
    if announced != count or len(raw) - at != 2 * count:
        raise malformed(f"{announced} results in {len(raw) - at} octets for {count} values")
    results = zip(raw[at::2], raw[at + 1 :: 2], values, strict=True)
    return AccessResponse(tuple(_answer(*each) for each in results), moment), priority


def _specification(item: _SINGLE) -> bytes:
    selection = None if isinstance(item, ActionRequest) else item.selection
    tail = b"" if selection is None else bytes((selection.selector,)) + selection.parameter
    match item:
        case GetRequest():
            choice = GET if selection is None else GET_SELECTED
        case SetRequest():
            choice = SET if selection is None else SET_SELECTED
        case ActionRequest():
            choice = ACTION
    return bytes((choice,)) + put_target(item) + tail


def _value(item: _SINGLE) -> bytes:
    match item:
        case SetRequest():
            return item.data
        case ActionRequest(parameter=bytes(parameter)):
            return parameter
    return data.null()


def _take_specification(raw: bytes, at: int) -> tuple[tuple[int, tuple[int, bytes, int], Selection | None], int]:
    choice, at = take_octet(raw, at)
    if choice not in (GET, SET, ACTION, GET_SELECTED, SET_SELECTED):
        raise malformed(f"an access of kind {choice}")
    class_id, name, member, at = take_target(raw, at)
    selection = None
    if choice in (GET_SELECTED, SET_SELECTED):
        selector, at = take_octet(raw, at)
        parameter, at = take_data(raw, at)
        selection = Selection(selector, parameter)
    return (choice, (class_id, name, member), selection), at


def _item(choice: int, target: tuple[int, bytes, int], selection: Selection | None, value: bytes) -> _SINGLE:
    if choice in (GET, GET_SELECTED):
        return GetRequest(*target, selection)
    if choice == ACTION:
        return ActionRequest(*target, None if value == data.null() else value)
    return SetRequest(*target, value, selection)


def _choice_of_answer(answer: GetResponse | SetResponse | ActionResponse) -> int:
    match answer:
        case GetResponse():
            if answer.result is DataAccess.SUCCESS and answer.data is None:
                raise LocalProtocolError("a successful get-response without data")
            return GET
        case SetResponse():
            return SET
        case ActionResponse():
            return ACTION


def _answer(choice: int, result: int, value: bytes) -> GetResponse | SetResponse | ActionResponse:
    outcome = result_of(result)
    if choice == GET:
        return GetResponse(outcome, value if outcome is DataAccess.SUCCESS else None)
    if choice == SET:
        return SetResponse(outcome)
    if choice == ACTION:
        return ActionResponse(outcome, None if value == data.null() else value)
    raise malformed(f"an answer to an access of kind {choice}")
