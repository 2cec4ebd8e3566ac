"""COSEM interface class "Order board", class_id 8200, version 0: how a concentrator is given orders and tells results.

class_id 8192 to 32767 belongs to manufacturers. So does the logical name 0-0:128.0.0.255: an OBIS code is manufacturer
specific as soon as one of the value groups B to D lies between 128 and 254 (DLMS UA, answers on the specification), and
in value group C the standard leaves 128 to 199 and 240 to them (IEC 62056-6-1). A is 0, abstract object; B is 0, no
channel.

Attributes, methods, types and what each refusal means: `docs/reference/order-board.md`.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import IntEnum
from itertools import islice
from typing import Protocol, TypeVar

from aforo.dclink import codec
from aforo.dclink.messages import ItemResult, OrderItem, QueuedOrder, Submission, TableRow, Withdrawal
from aforo.dlms import data
from aforo.dlms.errors import RemoteProtocolError
from aforo.dlms.events import DataAccess, Selection
from aforo.dlms.obis import obis
from aforo.dlms.server import AccessRefused

CLASS_ID = 8200
VERSION = 0
LOGICAL_NAME = obis("0-0:128.0.0.255")
ORDERS_PER_CALL_MAX = 256
RESULTS_PER_ACKNOWLEDGEMENT_MAX = 1024
METERS_PER_SELECTION_MAX = 256


class Attribute(IntEnum):
    LOGICAL_NAME = 1
    METERS = 2
    PENDING_RESULTS = 3
    QUEUED_ORDERS = 4
    SESSION_EPOCH = 5
    FIRMWARE = 6
    CLOCK = 7


class Method(IntEnum):
    OPEN_SESSION = 1
    SUBMIT_ORDERS = 2
    WITHDRAW_ORDER = 3
    ACKNOWLEDGE_RESULTS = 4


class Selector(IntEnum):
    """AFTER: entries behind the one with this key.   ONLY: the rows of these meters (attribute 2)."""

    AFTER = 1
    ONLY = 2


class NoSession(Exception):
    """The association has not opened the latest session, so it may not change anything."""


class Board(Protocol):
    """What stands behind the object, seen from one association. Iterators are in the order of their key."""

    @property
    def epoch(self) -> int: ...

    @property
    def firmware(self) -> str: ...

    @property
    def clock(self) -> datetime:
        """By which the concentrator keeps to a not-after."""
        ...

    def meters(self, after: str) -> Iterator[TableRow]: ...

    def rows_of(self, meters: Iterable[str]) -> Iterator[TableRow]:
        """Rows of those that are in the table; the others are left out."""
        ...

    def pending(self, after: int) -> Iterator[ItemResult]: ...

    def queued(self, after: int) -> Iterator[QueuedOrder]: ...

    def open_session(self, epoch: int) -> int:
        """The epoch now in force: the one asked, unless a later one was seen."""
        ...

    def submit(self, items: tuple[OrderItem, ...]) -> tuple[Submission, ...]: ...

    def withdraw(self, order_id: int) -> Withdrawal:
        """Raises NoSession."""
        ...

    def acknowledge(self, results: tuple[int, ...]) -> int:
        """How many results are still pending. Unknown ones count as acknowledged. Raises NoSession."""
        ...


T = TypeVar("T")
Key = TypeVar("Key", str, int)


class OrderBoard:
    """The COSEM object, for one association.

    reply_octets: what the encoded data of one answer may take, so that it fits the client's longest APDU; a longer list
    is told in parts, each from behind the last key of the one before.
    """

    class_id = CLASS_ID
    version = VERSION
    logical_name = LOGICAL_NAME

    def __init__(self, board: Board, *, reply_octets: int) -> None:
        self._board = board
        self._reply_octets = reply_octets

    def read(self, attribute: int, selection: Selection | None) -> bytes:
        if selection is not None and attribute not in _SELECTABLE:
            raise AccessRefused(DataAccess.SCOPE_OF_ACCESS_VIOLATED)
        match attribute:
            case Attribute.LOGICAL_NAME:
                return data.octets(LOGICAL_NAME)
            case Attribute.METERS:
                return self._listed(codec.encode_row, self._meters(selection))
            case Attribute.PENDING_RESULTS:
                results = self._board.pending(_after(selection, codec.read_number, 0))
                return self._listed(codec.encode_result, results)
            case Attribute.QUEUED_ORDERS:
                queued = self._board.queued(_after(selection, codec.read_number, 0))
                return self._listed(codec.encode_queued, queued)
            case Attribute.SESSION_EPOCH:
                return codec.encode_number(self._board.epoch)
            case Attribute.FIRMWARE:
                return codec.encode_name(self._board.firmware)
            case Attribute.CLOCK:
                return codec.encode_moment(self._board.clock)
        raise AccessRefused(DataAccess.OBJECT_UNDEFINED)

    def write(self, attribute: int, data: bytes) -> None:  # noqa: ARG002 (nothing of it is writable)
        raise AccessRefused(DataAccess.READ_WRITE_DENIED)

    def invoke(self, method: int, parameter: bytes | None) -> bytes | None:
        """Raises AccessRefused: TYPE_UNMATCHED for a parameter that is not of the method's type."""
        if parameter is None:
            raise AccessRefused(DataAccess.TYPE_UNMATCHED)
        try:
            return self._invoke(method, parameter)
        except RemoteProtocolError as wrong:
            raise AccessRefused(DataAccess.TYPE_UNMATCHED) from wrong
        except NoSession as stranger:
            raise AccessRefused(DataAccess.SCOPE_OF_ACCESS_VIOLATED) from stranger

    def _invoke(self, method: int, parameter: bytes) -> bytes:
        match method:
            case Method.OPEN_SESSION:
                epoch = codec.decode(parameter, codec.read_number)
                return codec.encode_number(self._board.open_session(epoch))
            case Method.SUBMIT_ORDERS:
                items = codec.decode_array(parameter, codec.read_order, most=ORDERS_PER_CALL_MAX)
                return codec.encode_array(map(codec.encode_submission, self._board.submit(items)))
            case Method.WITHDRAW_ORDER:
                return data.enum(self._board.withdraw(codec.decode(parameter, codec.read_number)))
            case Method.ACKNOWLEDGE_RESULTS:
                results = codec.decode_array(parameter, codec.read_number, most=RESULTS_PER_ACKNOWLEDGEMENT_MAX)
                return data.u32(self._board.acknowledge(results))
        raise AccessRefused(DataAccess.OBJECT_UNDEFINED)

    def _meters(self, selection: Selection | None) -> Iterator[TableRow]:
        if selection is not None and selection.selector == Selector.ONLY:
            return self._board.rows_of(
                _parameter(selection, lambda it: it.array(codec.read_name, most=METERS_PER_SELECTION_MAX))
            )
        return self._board.meters(_after(selection, codec.read_name, ""))

    def _listed(self, encode: Callable[[T], bytes], entries: Iterator[T]) -> bytes:
        """Raises AccessRefused when not even one entry fits the client's longest APDU."""
        portion = next(portions(map(encode, islice(entries, codec.ENTRIES_MAX)), self._reply_octets), ())
        if portion and len(portion[0]) > self._reply_octets:
            raise AccessRefused(DataAccess.DATA_BLOCK_UNAVAILABLE)
        return codec.encode_array(portion)


_SELECTABLE = {Attribute.METERS, Attribute.PENDING_RESULTS, Attribute.QUEUED_ORDERS}
_ARRAY_HEAD = 4


def portions(encoded: Iterable[bytes], octets: int) -> Iterator[tuple[bytes, ...]]:
    """Split a list into arrays of at most so many octets each; an entry that is longer by itself goes alone."""
    portion: list[bytes] = []
    room = octets - _ARRAY_HEAD
    for entry in encoded:
        if portion and len(entry) > room:
            yield tuple(portion)
            portion, room = [], octets - _ARRAY_HEAD
        portion.append(entry)
        room -= len(entry)
    if portion:
        yield tuple(portion)


def _after(selection: Selection | None, read: Callable[[codec.Cursor], Key], first: Key) -> Key:
    if selection is None:
        return first
    if selection.selector != Selector.AFTER:
        raise AccessRefused(DataAccess.SCOPE_OF_ACCESS_VIOLATED)
    return _parameter(selection, read)


def _parameter(selection: Selection, read: Callable[[codec.Cursor], T]) -> T:
    try:
        return codec.decode(selection.parameter, read)
    except RemoteProtocolError as wrong:
        raise AccessRefused(DataAccess.TYPE_UNMATCHED) from wrong
