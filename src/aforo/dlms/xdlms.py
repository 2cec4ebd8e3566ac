"""xDLMS services in A-XDR (IEC 62056-5-3): initiate, GET, SET, ACTION normal, data-notification, exception-response.

InitiateRequest   01 [dedicated-key] [response-allowed] [qos] 06 5F1F0400 conformance(3) max-pdu(2)
InitiateResponse  08 [qos] 06 5F1F0400 conformance(3) max-pdu(2) 0007
GET     C0 01 inv class(2) name(6) attr 00|01 selector Data     C4 01 inv 00 Data | 01 result
SET     C1 01 inv class(2) name(6) attr 00|01 selector Data Data        C5 01 inv result
ACTION  C3 01 inv class(2) name(6) method 00 | 01 Data          C7 01 inv result 00 | 01 (00 Data | 01 result)
data-notification  0F long-inv(4) date-time(0|12) Data
exception-response D8 state service [counter(4)]
"""

import struct
from dataclasses import dataclass, field

from aforo.dlms import data
from aforo.dlms.axdr import put_octets, take_octets
from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, malformed
from aforo.dlms.events import (
    ActionRequest,
    ActionResponse,
    Conformance,
    DataAccess,
    DataNotification,
    ExceptionResponse,
    GetRequest,
    GetResponse,
    Request,
    Response,
    Selection,
    SetRequest,
    SetResponse,
)

INITIATE_REQUEST, INITIATE_RESPONSE, CONFIRMED_SERVICE_ERROR = 0x01, 0x08, 0x0E
DATA_NOTIFICATION, EXCEPTION_RESPONSE = 0x0F, 0xD8
GET_REQUEST, SET_REQUEST, ACTION_REQUEST = 0xC0, 0xC1, 0xC3
GET_RESPONSE, SET_RESPONSE, ACTION_RESPONSE = 0xC4, 0xC5, 0xC7
REQUESTS = {GET_REQUEST, SET_REQUEST, ACTION_REQUEST}
RESPONSES = {GET_RESPONSE, SET_RESPONSE, ACTION_RESPONSE}

VERSION = 6
MAX_PDU_LEAST = 12
"""A shorter APDU could not even carry an InitiateResponse."""

VERSION_TOO_LOW, INCOMPATIBLE_CONFORMANCE, PDU_SIZE_TOO_SHORT = 1, 2, 3
_INITIATE_ERROR = bytes((CONFIRMED_SERVICE_ERROR, 1, 6))
_INITIATE_ERRORS = {
    0: "other", VERSION_TOO_LOW: "dlms-version-too-low", INCOMPATIBLE_CONFORMANCE: "incompatible-conformance",
    PDU_SIZE_TOO_SHORT: "pdu-size-too-short", 4: "refused-by-the-VDE-handler",
}  # fmt: skip
_CONFORMANCE = bytes.fromhex("5f1f0400")
_VAA_NAME = bytes.fromhex("0007")
_NORMAL = 1
_CONFIRMED, _HIGH = 0x40, 0x80
_OBJECT = struct.Struct(">BBBH6sB")
_RESULTS = {int(result): result for result in DataAccess}


@dataclass(frozen=True, slots=True)
class Initiate:
    """max_pdu: what its sender accepts, 0 means no bound.   version: of DLMS."""

    conformance: Conformance
    max_pdu: int
    dedicated_key: bytes = field(default=b"", repr=False)
    version: int = VERSION


def encode_initiate_request(initiate: Initiate) -> bytes:
    key = b"\x01" + put_octets(initiate.dedicated_key) if initiate.dedicated_key else b"\x00"
    return bytes((INITIATE_REQUEST,)) + key + b"\x00\x00" + bytes((VERSION,)) + _capabilities(initiate)


def decode_initiate_request(raw: bytes) -> Initiate:
    """Raises RemoteProtocolError (MALFORMED)."""
    if raw[:1] != bytes((INITIATE_REQUEST,)):
        raise malformed("an InitiateRequest was expected")
    present, at = _octet(raw, 1)
    key = b""
    if present:
        key, at = take_octets(raw, at)
    for _ in range(2):  # response-allowed and proposed-quality-of-service: OPTIONAL, one octet each
        present, at = _octet(raw, at)
        at += 1 if present else 0
    return _read_capabilities(raw, at, tail=b"", key=key)


def encode_initiate_response(initiate: Initiate) -> bytes:
    return bytes((INITIATE_RESPONSE, 0, VERSION)) + _capabilities(initiate) + _VAA_NAME


def decode_initiate_response(raw: bytes) -> Initiate:
    """Raises RemoteProtocolError (MALFORMED, UNSUPPORTED)."""
    if raw[:1] != bytes((INITIATE_RESPONSE,)):
        raise malformed("an InitiateResponse was expected")
    present, at = _octet(raw, 1)
    initiate = _read_capabilities(raw, at + (1 if present else 0), tail=_VAA_NAME, key=b"")
    if initiate.version != VERSION:
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"DLMS version {initiate.version}")
    return initiate


def encode_initiate_error(error: int) -> bytes:
    """The confirmed-service-error that stands in an AARE in place of an InitiateResponse."""
    return _INITIATE_ERROR + bytes((error,))


def initiate_error(raw: bytes) -> str | None:
    """Its words; None when raw is no confirmed-service-error."""
    if raw[:1] != _INITIATE_ERROR[:1]:
        return None
    known = len(raw) == 4 and raw.startswith(_INITIATE_ERROR)
    return _INITIATE_ERRORS.get(raw[3], raw.hex()) if known else raw.hex()


def is_confirmed(priority: int) -> bool:
    """Of an invoke-id-and-priority: an unconfirmed request is carried out and not answered."""
    return bool(priority & _CONFIRMED)


def encode_request(request: Request, invoke: int) -> bytes:
    priority = invoke | _CONFIRMED | (_HIGH if request.high else 0)
    match request:
        case GetRequest():
            return _head(GET_REQUEST, priority, request, request.attribute) + _selected(request.selection)
        case SetRequest():
            head = _head(SET_REQUEST, priority, request, request.attribute)
            return head + _selected(request.selection) + request.data
        case ActionRequest():
            head = _head(ACTION_REQUEST, priority, request, request.method)
            return head + (b"\x00" if request.parameter is None else b"\x01" + request.parameter)


def decode_request(raw: bytes) -> tuple[Request, int]:
    """The request, and its invoke-id-and-priority. Raises RemoteProtocolError (MALFORMED, UNSUPPORTED)."""
    if len(raw) <= _OBJECT.size:
        raise malformed("a request that is cut short")
    tag, form, priority, class_id, name, member = _OBJECT.unpack_from(raw)
    if form != _NORMAL:
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"service {tag:02X} in form {form}")
    option, at = _octet(raw, _OBJECT.size)
    high = bool(priority & _HIGH)
    if tag == ACTION_REQUEST:
        if not option:
            _nothing(raw, at)
        return ActionRequest(class_id, name, member, _rest(raw, at) if option else None, high), priority
    selection = None
    if option:
        selector, at = _octet(raw, at)
        _, end = data.decode_from(raw, at)
        selection, at = Selection(selector, raw[at:end]), end
    if tag == GET_REQUEST:
        _nothing(raw, at)
        return GetRequest(class_id, name, member, selection, high), priority
    return SetRequest(class_id, name, member, _rest(raw, at), selection, high), priority


def encode_response(response: Response, priority: int) -> bytes:
    match response:
        case GetResponse(DataAccess.SUCCESS, bytes(value)):
            return bytes((GET_RESPONSE, _NORMAL, priority, 0)) + value
        case GetResponse():
            if response.result is DataAccess.SUCCESS:
                raise LocalProtocolError("a successful get-response without data")
            return bytes((GET_RESPONSE, _NORMAL, priority, 1, response.result))
        case SetResponse():
            return bytes((SET_RESPONSE, _NORMAL, priority, response.result))
        case ActionResponse():
            head = bytes((ACTION_RESPONSE, _NORMAL, priority, response.result))
            return head + (b"\x00" if response.data is None else b"\x01\x00" + response.data)


def decode_response(raw: bytes) -> tuple[Response, int]:
    """The response, and its invoke-id-and-priority. Raises RemoteProtocolError (MALFORMED, UNSUPPORTED)."""
    if len(raw) < 4:
        raise malformed("a response that is cut short")
    tag, form, priority, choice = raw[:4]
    if form != _NORMAL:
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"service {tag:02X} in form {form}")
    if tag == GET_RESPONSE:
        return _get_response(raw, choice), priority
    if tag == SET_RESPONSE:
        _nothing(raw, 4)
        return SetResponse(_result(choice)), priority
    return _action_response(raw, choice), priority


def encode_notification(notification: DataNotification) -> bytes:
    head = bytes((DATA_NOTIFICATION,)) + notification.invoke_id.to_bytes(4, "big")
    return head + put_octets(notification.date_time) + notification.data


def decode_notification(raw: bytes) -> DataNotification:
    if len(raw) < 6:
        raise malformed("a notification that is cut short")
    moment, at = take_octets(raw, 5)
    if len(moment) not in (0, 12):
        raise malformed("a notification's date-time has 12 octets or none")
    return DataNotification(int.from_bytes(raw[1:5], "big"), moment, _rest(raw, at))


def encode_exception(exception: ExceptionResponse) -> bytes:
    head = bytes((EXCEPTION_RESPONSE, exception.state, exception.service))
    return head if exception.counter is None else head + exception.counter.to_bytes(4, "big")


def decode_exception(raw: bytes) -> ExceptionResponse:
    if len(raw) not in (3, 7):
        raise malformed("an exception-response of a length that there is not")
    counter = int.from_bytes(raw[3:], "big") if len(raw) == 7 else None
    return ExceptionResponse(raw[1], raw[2], counter)


def _capabilities(initiate: Initiate) -> bytes:
    if not 0 <= initiate.max_pdu <= 0xFFFF:
        raise LocalProtocolError(f"the longest APDU is told in 16 bits, not {initiate.max_pdu}")
    return _CONFORMANCE + int(initiate.conformance).to_bytes(3, "big") + initiate.max_pdu.to_bytes(2, "big")


def _read_capabilities(raw: bytes, at: int, *, tail: bytes, key: bytes) -> Initiate:
    version, at = _octet(raw, at)
    if raw[at : at + 4] != _CONFORMANCE or len(raw) != at + 9 + len(tail):
        raise malformed("a conformance block was expected")
    conformance = Conformance(int.from_bytes(raw[at + 4 : at + 7], "big"))
    return Initiate(conformance, int.from_bytes(raw[at + 7 : at + 9], "big"), key, version)


def _head(tag: int, priority: int, request: Request, member: int) -> bytes:
    if len(request.obis) != 6:
        raise LocalProtocolError(f"a logical name has 6 octets, not {len(request.obis)}")
    try:
        return _OBJECT.pack(tag, _NORMAL, priority, request.class_id, request.obis, member)
    except struct.error as wrong:
        raise LocalProtocolError(f"no such attribute or method: {wrong}") from None


def _selected(selection: Selection | None) -> bytes:
    return b"\x00" if selection is None else bytes((1, selection.selector)) + selection.parameter


def _get_response(raw: bytes, choice: int) -> GetResponse:
    if choice == 0:
        return GetResponse(DataAccess.SUCCESS, _rest(raw, 4))
    if len(raw) != 5 or choice != 1 or raw[4] == DataAccess.SUCCESS:
        raise malformed("a get-response that is neither data nor a refusal")
    return GetResponse(_result(raw[4]))


def _action_response(raw: bytes, result: int) -> ActionResponse:
    present, at = _octet(raw, 4)
    if not present:
        _nothing(raw, at)
        return ActionResponse(_result(result))
    choice, at = _octet(raw, at)
    if choice == 0:
        return ActionResponse(_result(result), _rest(raw, at))
    if choice != 1:
        raise malformed("what a method returns is neither data nor a result")
    refused, at = _octet(raw, at)
    _nothing(raw, at)
    return ActionResponse(_result(refused) if result == 0 else _result(result))


def _result(number: int) -> DataAccess:
    return _RESULTS.get(number, DataAccess.OTHER_REASON)


def _octet(raw: bytes, at: int) -> tuple[int, int]:
    if at >= len(raw):
        raise malformed("the APDU ends too early")
    return raw[at], at + 1


def _rest(raw: bytes, at: int) -> bytes:
    """One whole value, up to the end."""
    _, end = data.decode_from(raw, at)
    if end != len(raw):
        raise malformed(f"{len(raw) - end} octets follow the value")
    return raw[at:]


def _nothing(raw: bytes, at: int) -> None:
    if at != len(raw):
        raise malformed(f"{len(raw) - at} octets too many")
