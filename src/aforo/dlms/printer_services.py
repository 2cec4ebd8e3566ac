"""xDLMS services in words (IEC 62056-5-3): initiate, GET, SET, ACTION, notifications, errors, block transfer."""

from collections.abc import Iterator

from aforo.dlms.errors import ErrorCode, RemoteProtocolError, malformed
from aforo.dlms.printer_access import access_request, access_response
from aforo.dlms.printer_data import value
from aforo.dlms.printer_fields import (
    Grammar,
    given_data,
    moment,
    number_field,
    object_member,
    octets_field,
)
from aforo.dlms.printer_forms import FORMS
from aforo.dlms.printer_tree import Node, Reader, counted
from aforo.dlms.printer_words import (
    ATTRIBUTE,
    EXCEPTION_SERVICES,
    EXCEPTION_STATES,
    INVOCATION_COUNTER_ERROR,
    conformance_words,
    long_priority_words,
    named,
)
from aforo.dlms.xdlms import initiate_error

NAMES = {
    0x01: "initiate-request", 0x08: "initiate-response", 0x0E: "confirmed-service-error", 0x0F: "data-notification",
    0x10: "data-notification-confirm",
    0xC0: "get-request", 0xC1: "set-request", 0xC2: "event-notification-request", 0xC3: "action-request",
    0xC4: "get-response", 0xC5: "set-response", 0xC7: "action-response", 0xD8: "exception-response",
    0xD9: "access-request", 0xDA: "access-response", 0xE0: "general-block-transfer",
}  # fmt: skip
"""By tag: what `service` reads."""

_CONFORMANCE_HEAD = bytes.fromhex("5f1f0400")
_ERROR_TAG = b"\x0e"


def service(reader: Reader) -> Node:
    """One service that fills the reader."""
    start = reader.at
    tag = reader.octet()
    forms = FORMS.get(tag)
    if forms is None or not reader.left:
        words, grammar = "", _GRAMMARS.get(tag, _not_spelled_out)
    else:
        words, grammar = forms.get(reader.octet(), ("", _not_spelled_out))
    return reader.whole(NAMES[tag], words, start=start, children=grammar(reader))


def _not_spelled_out(reader: Reader) -> Iterator[Node]:
    reader.peek()
    yield from ()
    raise RemoteProtocolError(ErrorCode.UNSUPPORTED, "this form is not spelled out")


def _initiate_request(reader: Reader) -> Iterator[Node]:
    outer, reader.is_secret = reader.is_secret, True
    start = reader.at
    if reader.octet():
        key = reader.string()
        yield reader.hidden("dedicated-key", counted(len(key)), start=start)
    else:
        yield reader.leaf("dedicated-key", "none", start=start)
    reader.is_secret = outer
    yield _optional(reader, "response-allowed")
    yield _optional(reader, "proposed-quality-of-service")
    yield from _capabilities(reader, "proposed")


def _initiate_response(reader: Reader) -> Iterator[Node]:
    yield _optional(reader, "negotiated-quality-of-service")
    yield from _capabilities(reader, "negotiated")
    yield number_field(reader, "vaa-name", 2, lambda name: f"{name:04x}")


def _optional(reader: Reader, label: str) -> Node:
    start = reader.at
    is_there = reader.octet()
    return reader.leaf(label, str(reader.octet()) if is_there else "not told", start=start)


def _capabilities(reader: Reader, who: str) -> Iterator[Node]:
    yield number_field(reader, f"{who}-dlms-version-number", 1)
    start = reader.at
    if reader.take(4) != _CONFORMANCE_HEAD:
        raise malformed("a conformance block was expected")
    block = reader.number(3)
    yield reader.leaf(f"{who}-conformance", conformance_words(block), start=start)
    yield number_field(reader, "max-receive-pdu-size", 2, lambda size: counted(size) if size else "no bound")


def _confirmed_service_error(reader: Reader) -> Iterator[Node]:
    start = reader.at
    octets = reader.take(3)
    yield reader.leaf("error", initiate_error(_ERROR_TAG + octets) or octets.hex(), start=start)


def _data_notification_confirm(reader: Reader) -> Iterator[Node]:
    yield number_field(reader, "long-invoke-id-and-priority", 4, long_priority_words)
    yield moment(reader)


def _data_notification(reader: Reader) -> Iterator[Node]:
    yield from _data_notification_confirm(reader)
    yield value(reader, "notification-body")


def _event_notification(reader: Reader) -> Iterator[Node]:
    start = reader.at
    if reader.octet():
        yield reader.leaf("time", "follows", start=start)
        yield moment(reader)
    else:
        yield reader.leaf("time", "none", start=start)
    is_secret = yield from object_member(reader, ATTRIBUTE)
    yield given_data(reader, is_secret=is_secret)


def _exception(reader: Reader) -> Iterator[Node]:
    yield number_field(reader, "state-error", 1, lambda number: named(number, EXCEPTION_STATES))
    start = reader.at
    service_error = reader.octet()
    yield reader.leaf("service-error", named(service_error, EXCEPTION_SERVICES), start=start)
    if service_error == INVOCATION_COUNTER_ERROR:
        yield number_field(reader, "expected invocation counter", 4)


def _block_transfer(reader: Reader) -> Iterator[Node]:
    yield number_field(reader, "block-control", 1, _block_control_words)
    yield number_field(reader, "block-number", 2)
    yield number_field(reader, "block-number-ack", 2)
    yield octets_field(reader, "block-data", is_secret=reader.is_secret)


def _block_control_words(octet: int) -> str:
    flags = ((0x80, "last block"), (0x40, "streaming"))
    return ", ".join((f"window {octet & 0x3F}", *(words for bit, words in flags if octet & bit)))


_GRAMMARS: dict[int, Grammar] = {
    0x01: _initiate_request,
    0x08: _initiate_response,
    0x0E: _confirmed_service_error,
    0x0F: _data_notification,
    0x10: _data_notification_confirm,
    0xC2: _event_notification,
    0xD8: _exception,
    0xD9: access_request,
    0xDA: access_response,
    0xE0: _block_transfer,
}
