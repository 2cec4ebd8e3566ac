"""The head-end's half of the order board: requests made, answers and notifications read. Pure functions.

Each `read_…` takes the response to the request of the same name. It raises BoardRefused when the concentrator refuses,
RemoteProtocolError when its answer is not what the class definition says.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from aforo.dclink import codec
from aforo.dclink.messages import ItemResult, OrderItem, QueuedOrder, Submission, TableRow, Withdrawal
from aforo.dclink.order_board import (
    CLASS_ID,
    LOGICAL_NAME,
    ORDERS_PER_CALL_MAX,
    RESULTS_PER_ACKNOWLEDGEMENT_MAX,
    Attribute,
    Method,
    Selector,
    portions,
)
from aforo.dlms.errors import ErrorCode, RemoteProtocolError, malformed
from aforo.dlms.events import (
    ActionRequest,
    ActionResponse,
    DataAccess,
    DataNotification,
    GetRequest,
    GetResponse,
    Response,
    Selection,
)

T = TypeVar("T")

REQUEST_OCTETS = 64
"""Of an APDU, what ciphering, the service's own fields and an array's head take at most."""


class BoardRefused(Exception):
    """SCOPE_OF_ACCESS_VIOLATED: another association opened a later session.   Others: see the class's document."""

    def __init__(self, result: DataAccess, doing: str) -> None:
        super().__init__(f"{doing}: {result.name.lower().replace('_', '-')}({result.value})")
        self.result = result


def get_meters(after: str = "") -> GetRequest:
    """Rows behind this meter number. The table is read whole when an empty answer comes."""
    return _get(Attribute.METERS, Selection(Selector.AFTER, codec.encode_name(after)) if after else None)


def get_meters_named(meters: Iterable[str]) -> GetRequest:
    """Rows of these meters; one that is not in the table is left out."""
    names = codec.encode_array(map(codec.encode_name, meters))
    return _get(Attribute.METERS, Selection(Selector.ONLY, names))


def read_meters(response: Response) -> tuple[TableRow, ...]:
    return codec.decode_array(_got(response, "reading the internal table"), codec.read_row)


def get_results(after: int = 0) -> GetRequest:
    """Pending results behind this result_id, the oldest first."""
    return _get(Attribute.PENDING_RESULTS, _behind(after))


def read_results(response: Response) -> tuple[ItemResult, ...]:
    return codec.decode_array(_got(response, "reading the pending results"), codec.read_result)


def get_queue(after: int = 0) -> GetRequest:
    """Queued orders behind this order_id, in the order of their order_id."""
    return _get(Attribute.QUEUED_ORDERS, _behind(after))


def read_queue(response: Response) -> tuple[QueuedOrder, ...]:
    return codec.decode_array(_got(response, "reading the queued orders"), codec.read_queued)


def get_epoch() -> GetRequest:
    return _get(Attribute.SESSION_EPOCH)


def read_epoch(response: Response) -> int:
    return codec.decode(_got(response, "reading the session epoch"), codec.read_number)


def get_clock() -> GetRequest:
    return _get(Attribute.CLOCK)


def read_clock(response: Response) -> datetime:
    return codec.decode(_got(response, "reading the clock"), codec.read_moment)


def get_firmware() -> GetRequest:
    return _get(Attribute.FIRMWARE)


def read_firmware(response: Response) -> str:
    return codec.decode(_got(response, "reading the firmware's name"), codec.read_name)


def open_session(epoch: int) -> ActionRequest:
    return _act(Method.OPEN_SESSION, codec.encode_number(epoch))


def read_open_session(response: Response) -> int:
    """The epoch in force. Only when it is the one asked is the session ours; a higher one belongs to another."""
    return codec.decode(_done(response, "opening the session"), codec.read_number)


def batches(items: Iterable[OrderItem], max_pdu: int) -> Iterator[tuple[OrderItem, ...]]:
    """Split orders so that each batch fits one APDU of max_pdu octets (the peer's; 0 means no bound)."""
    yield from _split(list(items), codec.encode_order, max_pdu, ORDERS_PER_CALL_MAX)


def name_batches(meters: Iterable[str], max_pdu: int, *, most: int) -> Iterator[tuple[str, ...]]:
    """Split meter numbers so that each batch fits one request to a peer that takes max_pdu octets; 0 means no bound."""
    yield from _split(list(meters), codec.encode_name, max_pdu, most)


def acknowledgement_batches(results: Iterable[int], max_pdu: int) -> Iterator[tuple[int, ...]]:
    """The same for result_ids."""
    yield from _split(list(results), codec.encode_number, max_pdu, RESULTS_PER_ACKNOWLEDGEMENT_MAX)


def submit_orders(items: Iterable[OrderItem]) -> ActionRequest:
    return _act(Method.SUBMIT_ORDERS, codec.encode_array(map(codec.encode_order, items)))


def read_submissions(response: Response, items: Sequence[OrderItem]) -> tuple[Submission, ...]:
    """One answer for each of these items, in their order."""
    raw = _done(response, "submitting orders")
    answers = codec.decode_array(raw, codec.read_submission, most=ORDERS_PER_CALL_MAX)
    if [answer.order_id for answer in answers] != [item.order_id for item in items]:
        raise malformed("the answers are not those of the orders submitted")
    return answers


def withdraw_order(order_id: int) -> ActionRequest:
    return _act(Method.WITHDRAW_ORDER, codec.encode_number(order_id))


def read_withdrawal(response: Response) -> Withdrawal:
    raw = _done(response, "withdrawing an order")
    return codec.decode(raw, lambda cursor: cursor.choice(Withdrawal))


def acknowledge_results(results: Iterable[int]) -> ActionRequest:
    """results: at most RESULTS_PER_ACKNOWLEDGEMENT_MAX result_ids, whose results are stored durably by now."""
    numbers = tuple(results)
    assert len(numbers) <= RESULTS_PER_ACKNOWLEDGEMENT_MAX, "too many results for one acknowledgement"
    return _act(Method.ACKNOWLEDGE_RESULTS, codec.encode_array(map(codec.encode_number, numbers)))


def read_acknowledged(response: Response) -> int:
    """How many results are still pending there."""
    return codec.decode(_done(response, "acknowledging results"), codec.read_count)


def read_push(notification: DataNotification) -> tuple[ItemResult, ...]:
    """Raises RemoteProtocolError (UNSUPPORTED) when it does not come from an order board."""
    logical_name, results = codec.decode(notification.data, codec.read_push)
    if logical_name != LOGICAL_NAME:
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, "a notification that is not the order board's")
    return results


def _split(items: Sequence[T], encode: Callable[[T], bytes], max_pdu: int, most: int) -> Iterator[tuple[T, ...]]:
    at = 0
    for portion in portions([encode(item) for item in items], (max_pdu or 0xFFFF) - REQUEST_OCTETS):
        end = at + len(portion)
        for first in range(at, end, most):
            yield tuple(items[first : min(first + most, end)])
        at = end


def _behind(key: int) -> Selection | None:
    return Selection(Selector.AFTER, codec.encode_number(key)) if key else None


def _get(attribute: Attribute, selection: Selection | None = None) -> GetRequest:
    return GetRequest(CLASS_ID, LOGICAL_NAME, attribute, selection)


def _act(method: Method, parameter: bytes) -> ActionRequest:
    return ActionRequest(CLASS_ID, LOGICAL_NAME, method, parameter)


def _got(response: Response, doing: str) -> bytes:
    return _data(response, GetResponse, doing)


def _done(response: Response, doing: str) -> bytes:
    return _data(response, ActionResponse, doing)


def _data(response: Response, kind: type[GetResponse] | type[ActionResponse], doing: str) -> bytes:
    if not isinstance(response, kind) or not isinstance(response, GetResponse | ActionResponse):
        raise RemoteProtocolError(ErrorCode.UNEXPECTED_APDU, f"{doing}: the answer is of another service")
    if response.result is not DataAccess.SUCCESS:
        raise BoardRefused(response.result, doing)
    if response.data is None:
        raise malformed(f"{doing}: an answer without data")
    return response.data
