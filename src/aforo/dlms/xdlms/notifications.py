"""What a server says unasked, and in place of an answer (IEC 62056-5-3).

data-notification          0F long-inv(4) date-time(0|12) Data
data-notification-confirm  10 long-inv(4) date-time(0|12)
event-notification         C2 00 | 01 time(12) class(2) name(6) attr Data
exception-response         D8 state service [counter(4)]
"""

from aforo.dlms.axdr import put_octets, take_octets
from aforo.dlms.errors import LocalProtocolError, malformed
from aforo.dlms.events import DataNotification, EventNotification, ExceptionResponse, NotificationConfirm
from aforo.dlms.xdlms.octets import nothing_left, rest_data, take_number, take_octet
from aforo.dlms.xdlms.tags import (
    DATA_NOTIFICATION,
    DATA_NOTIFICATION_CONFIRM,
    EVENT_NOTIFICATION,
    EXCEPTION_RESPONSE,
)

_DATE_TIME_OCTETS = (0, 12)


def encode_notification(notification: DataNotification) -> bytes:
    head = bytes((DATA_NOTIFICATION,)) + put_long_invoke(notification.invoke_id)
    return head + put_octets(notification.date_time) + notification.data


def decode_notification(raw: bytes) -> DataNotification:
    """Raises RemoteProtocolError (MALFORMED)."""
    invoke_id, at = take_number(raw, 1, 4)
    moment, at = take_date_time(raw, at)
    return DataNotification(invoke_id, moment, rest_data(raw, at))


def encode_notification_confirm(confirm: NotificationConfirm) -> bytes:
    return bytes((DATA_NOTIFICATION_CONFIRM,)) + put_long_invoke(confirm.invoke_id) + put_octets(confirm.date_time)


def decode_notification_confirm(raw: bytes) -> NotificationConfirm:
    """Raises RemoteProtocolError (MALFORMED)."""
    invoke_id, at = take_number(raw, 1, 4)
    moment, at = take_date_time(raw, at)
    nothing_left(raw, at)
    return NotificationConfirm(invoke_id, moment)


def encode_event_notification(event: EventNotification) -> bytes:
    if len(event.obis) != 6 or not 0 <= event.class_id <= 0xFFFF or not 0 <= event.attribute <= 0xFF:
        raise LocalProtocolError("no such attribute")
    moment = b"\x01" + put_octets(event.date_time) if event.date_time else b"\x00"
    target = event.class_id.to_bytes(2, "big") + event.obis + bytes((event.attribute,))
    return bytes((EVENT_NOTIFICATION,)) + moment + target + event.data


def decode_event_notification(raw: bytes) -> EventNotification:
    """Raises RemoteProtocolError (MALFORMED)."""
    present, at = take_octet(raw, 1)
    moment = b""
    if present:
        moment, at = take_date_time(raw, at)
    class_id, at = take_number(raw, at, 2)
    _, end = take_number(raw, at, 7)
    return EventNotification(class_id, raw[at : at + 6], raw[end - 1], rest_data(raw, end), moment)


def encode_exception(exception: ExceptionResponse) -> bytes:
    head = bytes((EXCEPTION_RESPONSE, exception.state, exception.service))
    return head if exception.counter is None else head + exception.counter.to_bytes(4, "big")


def decode_exception(raw: bytes) -> ExceptionResponse:
    """Raises RemoteProtocolError (MALFORMED)."""
    if len(raw) not in (3, 7):
        raise malformed("an exception-response of a length that there is not")
    counter = int.from_bytes(raw[3:], "big") if len(raw) == 7 else None
    return ExceptionResponse(raw[1], raw[2], counter)


def put_long_invoke(invoke_id: int) -> bytes:
    if not 0 <= invoke_id <= 0xFFFF_FFFF:
        raise LocalProtocolError(f"a long-invoke-id-and-priority has 32 bits, not {invoke_id}")
    return invoke_id.to_bytes(4, "big")


def take_date_time(raw: bytes, at: int) -> tuple[bytes, int]:
    moment, at = take_octets(raw, at)
    if len(moment) not in _DATE_TIME_OCTETS:
        raise malformed("a date-time has 12 octets or none")
    return moment, at
