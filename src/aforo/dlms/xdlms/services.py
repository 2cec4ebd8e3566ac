"""GET, SET and ACTION in one APDU, for one attribute or method and for lists of them (IEC 62056-5-3).

GET     C0 01 inv class(2) name(6) attr 00|01 selector Data     C4 01 inv 00 Data | 01 result
SET     C1 01 inv class(2) name(6) attr 00|01 selector Data Data        C5 01 inv result
ACTION  C3 01 inv class(2) name(6) method 00 | 01 Data          C7 01 inv result 00 | 01 (00 Data | 01 result)
lists   C0 03 inv n{attribute}          C4 03 inv n{00 Data | 01 result}
        C1 04 inv n{attribute} n{Data}  C5 05 inv n{result}
        C3 03 inv n{method} n{Data}     C7 03 inv n{result 00 | 01 (00 Data | 01 result)}
"""

import struct

from aforo.dlms import data
from aforo.dlms.axdr import put_length, take_length
from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, malformed
from aforo.dlms.events import (
    ActionListRequest,
    ActionListResponse,
    ActionRequest,
    ActionResponse,
    DataAccess,
    GetListRequest,
    GetListResponse,
    GetRequest,
    GetResponse,
    Selection,
    ServiceRequest,
    ServiceResponse,
    SetListRequest,
    SetListResponse,
    SetRequest,
    SetResponse,
)
from aforo.dlms.xdlms.octets import nothing_left, rest_data, take_data, take_octet
from aforo.dlms.xdlms.tags import (
    ACTION_REQUEST,
    ACTION_RESPONSE,
    CONFIRMED,
    GET_REQUEST,
    GET_RESPONSE,
    HIGH,
    NORMAL,
    SET_REQUEST,
    SET_RESPONSE,
)

GET_LIST, SET_LIST, ACTION_LIST = 3, 4, 3
GET_LIST_ANSWER, SET_LIST_ANSWER, ACTION_LIST_ANSWER = 3, 5, 3
_LISTS = {(GET_REQUEST, GET_LIST), (SET_REQUEST, SET_LIST), (ACTION_REQUEST, ACTION_LIST)}
_HEAD_OCTETS = 3
NAME_OCTETS = 6
_CONFIRMED_HIGH = CONFIRMED | HIGH
_OBJECT = struct.Struct(">BBBH6sB")
_TARGET = struct.Struct(">H6sB")
_RESULTS = {int(result): result for result in DataAccess}
_SET_RESPONSES = {int(result): SetResponse(result) for result in DataAccess}
_OTHER = SetResponse(DataAccess.OTHER_REASON)


def encode_request(request: ServiceRequest, invoke: int) -> bytes:
    """Raises LocalProtocolError."""
    priority = invoke | (_CONFIRMED_HIGH if request.high else CONFIRMED)
    if isinstance(request, SetRequest):
        head = _head(SET_REQUEST, priority, request, request.attribute)
        selection = b"\x00" if request.selection is None else put_selection(request.selection)
        return head + selection + request.data
    if isinstance(request, GetRequest):
        return _head(GET_REQUEST, priority, request, request.attribute) + put_selection(request.selection)
    if isinstance(request, ActionRequest):
        head = _head(ACTION_REQUEST, priority, request, request.method)
        return head + (b"\x00" if request.parameter is None else b"\x01" + request.parameter)
    return encode_list_request(request, priority)


def encode_list_request(request: GetListRequest | SetListRequest | ActionListRequest, priority: int) -> bytes:
    match request:
        case GetListRequest():
            return bytes((GET_REQUEST, GET_LIST, priority)) + put_targets(request)
        case SetListRequest():
            return bytes((SET_REQUEST, SET_LIST, priority)) + put_targets(request) + put_values(request)
        case ActionListRequest():
            return bytes((ACTION_REQUEST, ACTION_LIST, priority)) + put_targets(request) + put_values(request)


def decode_request(raw: bytes) -> tuple[ServiceRequest, int]:
    """The request, and its invoke-id-and-priority. Raises RemoteProtocolError (MALFORMED, UNSUPPORTED)."""
    if len(raw) > _HEAD_OCTETS and (raw[0], raw[1]) in _LISTS:
        return _list_request(raw), raw[2]
    if len(raw) <= _OBJECT.size:
        raise malformed("a request that is cut short")
    tag, form, priority, class_id, name, member = _OBJECT.unpack_from(raw)
    if form != NORMAL:
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"service {tag:02X} in form {form}")
    option, at = take_octet(raw, _OBJECT.size)
    high = bool(priority & HIGH)
    if tag == ACTION_REQUEST:
        if not option:
            nothing_left(raw, at)
        return ActionRequest(class_id, name, member, rest_data(raw, at) if option else None, high), priority
    selection = None
    if option:
        selection, at = _selection(raw, at)
    if tag == GET_REQUEST:
        nothing_left(raw, at)
        return GetRequest(class_id, name, member, selection, high), priority
    return SetRequest(class_id, name, member, rest_data(raw, at), selection, high), priority


def encode_response(response: ServiceResponse, priority: int) -> bytes:
    match response:
        case GetResponse():
            return bytes((GET_RESPONSE, NORMAL, priority)) + _get_result(response)
        case SetResponse():
            return bytes((SET_RESPONSE, NORMAL, priority, response.result))
        case ActionResponse():
            return bytes((ACTION_RESPONSE, NORMAL, priority)) + put_action_result(response)
        case GetListResponse():
            return bytes((GET_RESPONSE, GET_LIST_ANSWER, priority)) + put_get_results(response)
        case SetListResponse():
            results = bytes(each.result for each in response.items)
            return bytes((SET_RESPONSE, SET_LIST_ANSWER, priority)) + put_length(len(results)) + results
        case ActionListResponse():
            return bytes((ACTION_RESPONSE, ACTION_LIST_ANSWER, priority)) + put_action_results(response)


def decode_response(raw: bytes) -> tuple[ServiceResponse, int]:
    """The response, and its invoke-id-and-priority. Raises RemoteProtocolError (MALFORMED, UNSUPPORTED)."""
    if len(raw) == _HEAD_OCTETS + 1 and raw[0] == SET_RESPONSE and raw[1] == NORMAL:
        return _SET_RESPONSES.get(raw[3], _OTHER), raw[2]
    if len(raw) <= _HEAD_OCTETS:
        raise malformed("a response that is cut short")
    tag, form, priority, choice = raw[0], raw[1], raw[2], raw[3]
    if form != NORMAL:
        return _list_response(raw), priority
    if tag == GET_RESPONSE:
        return _get_response(raw, choice), priority
    if tag == SET_RESPONSE:
        raise malformed(f"{len(raw) - _HEAD_OCTETS - 1} octets too many")
    return take_whole_action_result(raw, _HEAD_OCTETS), priority


def put_target(request: GetRequest | SetRequest | ActionRequest) -> bytes:
    """Attribute descriptor without selection, or method descriptor."""
    member = request.method if isinstance(request, ActionRequest) else request.attribute
    check_name(request.obis)
    try:
        return _TARGET.pack(request.class_id, request.obis, member)
    except struct.error as wrong:
        raise LocalProtocolError(f"no such attribute or method: {wrong}") from None


def take_target(raw: bytes, at: int) -> tuple[int, bytes, int, int]:
    """Class, logical name, attribute or method, and the offset behind."""
    end = at + _TARGET.size
    if end > len(raw):
        raise malformed("a reference that is cut short")
    class_id, name, member = _TARGET.unpack_from(raw, at)
    return class_id, name, member, end


def put_selection(selection: Selection | None) -> bytes:
    return b"\x00" if selection is None else bytes((1, selection.selector)) + selection.parameter


def take_selection(raw: bytes, at: int) -> tuple[Selection | None, int]:
    option, at = take_octet(raw, at)
    return _selection(raw, at) if option else (None, at)


def put_targets(request: GetListRequest | SetListRequest | ActionListRequest) -> bytes:
    if isinstance(request, ActionListRequest):
        return put_length(len(request.items)) + b"".join(map(put_target, request.items))
    selected = (put_target(each) + put_selection(each.selection) for each in request.items)
    return put_length(len(request.items)) + b"".join(selected)


def put_values(request: SetListRequest | ActionListRequest) -> bytes:
    """A method without a parameter gets null-data."""
    values = [
        (each.parameter or data.null()) if isinstance(each, ActionRequest) else each.data for each in request.items
    ]
    return put_length(len(values)) + b"".join(values)


def take_values(raw: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    announced, at = take_length(raw, at)
    if announced != count:
        raise malformed(f"{announced} values for {count} references")
    values = []
    for _ in range(count):
        value, at = take_data(raw, at)
        values.append(value)
    return values, at


def put_action_result(response: ActionResponse) -> bytes:
    """Action-Response-With-Optional-Data."""
    head = bytes((response.result,))
    return head + (b"\x00" if response.data is None else b"\x01\x00" + response.data)


def take_whole_action_result(raw: bytes, at: int) -> ActionResponse:
    response, at = _take_action_result(raw, at)
    nothing_left(raw, at)
    return response


def put_get_results(response: GetListResponse) -> bytes:
    return put_length(len(response.items)) + b"".join(map(_get_result, response.items))


def take_get_results(raw: bytes, at: int) -> GetListResponse:
    count, at = _count(raw, at, least=2)
    items = []
    for _ in range(count):
        choice, at = take_octet(raw, at)
        if choice == 0:
            value, at = take_data(raw, at)
            items.append(GetResponse(DataAccess.SUCCESS, value))
        elif choice == 1:
            refused, at = take_octet(raw, at)
            items.append(GetResponse(_refusal(refused)))
        else:
            raise malformed("a get-response that is neither data nor a refusal")
    nothing_left(raw, at)
    return GetListResponse(tuple(items))


def take_set_results(raw: bytes, at: int) -> tuple[SetListResponse, int]:
    count, at = _count(raw, at, least=1)
    return SetListResponse(tuple(SetResponse(result_of(each)) for each in raw[at : at + count])), at + count


def put_action_results(response: ActionListResponse) -> bytes:
    return put_length(len(response.items)) + b"".join(map(put_action_result, response.items))


def take_action_results(raw: bytes, at: int) -> ActionListResponse:
    count, at = _count(raw, at, least=2)
    items = []
    for _ in range(count):
        item, at = _take_action_result(raw, at)
        items.append(item)
    nothing_left(raw, at)
    return ActionListResponse(tuple(items))


def check_name(obis: bytes) -> None:
    if len(obis) != 6:
        raise LocalProtocolError(f"a logical name has 6 octets, not {len(obis)}")


def result_of(number: int) -> DataAccess:
    return _RESULTS.get(number, DataAccess.OTHER_REASON)


def _head(tag: int, priority: int, request: GetRequest | SetRequest | ActionRequest, member: int) -> bytes:
    if len(request.obis) != NAME_OCTETS:
        check_name(request.obis)
    try:
        return _OBJECT.pack(tag, NORMAL, priority, request.class_id, request.obis, member)
    except struct.error as wrong:
        raise LocalProtocolError(f"no such attribute or method: {wrong}") from None


def _selection(raw: bytes, at: int) -> tuple[Selection, int]:
    selector, at = take_octet(raw, at)
    parameter, at = take_data(raw, at)
    return Selection(selector, parameter), at


def take_list_targets(raw: bytes, at: int, tag: int) -> tuple[list[tuple[int, bytes, int, Selection | None]], int]:
    """Class, logical name, attribute or method, and selection of each. Methods have none."""
    count, at = _count(raw, at, least=_TARGET.size)
    targets = []
    for _ in range(count):
        class_id, name, member, at = take_target(raw, at)
        selection = None
        if tag != ACTION_REQUEST:
            selection, at = take_selection(raw, at)
        targets.append((class_id, name, member, selection))
    return targets, at


def _list_request(raw: bytes) -> GetListRequest | SetListRequest | ActionListRequest:
    tag, high = raw[0], bool(raw[2] & HIGH)
    targets, at = take_list_targets(raw, _HEAD_OCTETS, tag)
    if tag == GET_REQUEST:
        nothing_left(raw, at)
        return GetListRequest(tuple(GetRequest(*target) for target in targets), high)
    values, at = take_values(raw, at, len(targets))
    nothing_left(raw, at)
    return list_request(tag, targets, values, high=high)


def list_request(
    tag: int, targets: list[tuple[int, bytes, int, Selection | None]], values: list[bytes], *, high: bool
) -> SetListRequest | ActionListRequest:
    pairs = zip(targets, values, strict=True)
    if tag == SET_REQUEST:
        sets = (SetRequest(*target[:3], value, target[3]) for target, value in pairs)
        return SetListRequest(tuple(sets), high)
    actions = (ActionRequest(*target[:3], None if value == data.null() else value) for target, value in pairs)
    return ActionListRequest(tuple(actions), high)


def _list_response(raw: bytes) -> ServiceResponse:
    tag, form = raw[0], raw[1]
    if (tag, form) == (GET_RESPONSE, GET_LIST_ANSWER):
        return take_get_results(raw, _HEAD_OCTETS)
    if (tag, form) == (SET_RESPONSE, SET_LIST_ANSWER):
        response, at = take_set_results(raw, _HEAD_OCTETS)
        nothing_left(raw, at)
        return response
    if (tag, form) == (ACTION_RESPONSE, ACTION_LIST_ANSWER):
        return take_action_results(raw, _HEAD_OCTETS)
    raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"service {tag:02X} in form {form}")


def _get_result(response: GetResponse) -> bytes:
    """Get-Data-Result."""
    if response.data is not None and response.result is DataAccess.SUCCESS:
        return b"\x00" + response.data
    if response.result is DataAccess.SUCCESS:
        raise LocalProtocolError("a successful get-response without data")
    return bytes((1, response.result))


def _get_response(raw: bytes, choice: int) -> GetResponse:
    if choice == 0:
        return GetResponse(DataAccess.SUCCESS, rest_data(raw, 4))
    if len(raw) != 5 or choice != 1:
        raise malformed("a get-response that is neither data nor a refusal")
    return GetResponse(_refusal(raw[4]))


def _refusal(number: int) -> DataAccess:
    if number == DataAccess.SUCCESS:
        raise malformed("a refusal that says success")
    return result_of(number)


def _take_action_result(raw: bytes, at: int) -> tuple[ActionResponse, int]:
    result, at = take_octet(raw, at)
    present, at = take_octet(raw, at)
    if not present:
        return ActionResponse(result_of(result)), at
    choice, at = take_octet(raw, at)
    if choice == 0:
        returned, at = take_data(raw, at)
        return ActionResponse(result_of(result), returned), at
    if choice != 1:
        raise malformed("what a method returns is neither data nor a result")
    refused, at = take_octet(raw, at)
    return ActionResponse(result_of(refused) if result == 0 else result_of(result)), at


def _count(raw: bytes, at: int, *, least: int) -> tuple[int, int]:
    """least: octets that one element takes at least, so that no count makes us reserve more than came."""
    count, at = take_length(raw, at)
    if count * least > len(raw) - at:
        raise malformed(f"{count} elements in {len(raw) - at} octets")
    return count, at
