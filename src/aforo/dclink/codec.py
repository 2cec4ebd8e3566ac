"""The link's messages as encoded COSEM data. The types of every field stand in `docs/reference/order-board.md`.

Encoding raises LocalProtocolError for what the types cannot hold. Decoding raises RemoteProtocolError for every other
type, count, length or number than the class definition gives: a field of the right value and the wrong type is refused.
Moments travel in UTC with hundredths of a second; what is finer is cut off, so that a not-after never becomes later.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import IntEnum
from typing import TypeVar

from aforo.dclink.messages import (
    ItemDemand,
    ItemKind,
    ItemReadback,
    ItemResult,
    ItemSupply,
    ItemVerdict,
    OrderItem,
    QueuedOrder,
    Submission,
    TableRow,
)
from aforo.dlms import data, dates
from aforo.dlms.axdr import take_length
from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, malformed

NAME_OCTETS_MAX = 64
"""Meter number, model and cause."""

NUMBER_OCTETS_MAX = 256
"""The customer's order number, in UTF-8."""

DETAIL_OCTETS_MAX = 256
"""A result's sentence, in UTF-8; a longer one is cut when it is encoded."""

ENTRIES_MAX = 4096
"""Elements of one array. What one message can hold is less: see max_pdu."""

_NULL, _ARRAY, _STRUCTURE, _BOOLEAN, _OCTETS, _VISIBLE, _UTF8 = 0x00, 0x01, 0x02, 0x03, 0x09, 0x0A, 0x0C
_INTEGER, _UNSIGNED, _U32, _LONG64, _ULONG64, _ENUM = 0x0F, 0x11, 0x06, 0x14, 0x15, 0x16
_LONG64_MAX = 2**63 - 1

T = TypeVar("T")
Choice = TypeVar("Choice", bound=IntEnum)


class Cursor:
    """Walks encoded data front to back; each call names the type that must come next."""

    __slots__ = ("_at", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def structure(self, fields: int) -> None:
        if self._count(_STRUCTURE) != fields:
            raise malformed(f"a structure of {fields} fields was expected")

    def array(self, read: Callable[["Cursor"], T], *, most: int = ENTRIES_MAX) -> tuple[T, ...]:
        count = self._count(_ARRAY)
        if count > most:
            raise RemoteProtocolError(ErrorCode.TOO_LONG, f"{count} entries where {most} are allowed")
        return tuple(read(self) for _ in range(count))

    def ends(self) -> None:
        if self._at != len(self._raw):
            raise malformed(f"{len(self._raw) - self._at} octets follow the message")

    def whole(self, *tags: int) -> int:
        value = self._value(*tags)
        if not isinstance(value, int):
            raise malformed("a whole number was expected")
        return value

    def truth(self) -> bool:
        return self._value(_BOOLEAN) is True

    def octets(self, most: int) -> bytes:
        value = self._value(_OCTETS)
        if not isinstance(value, bytes) or len(value) > most:
            raise RemoteProtocolError(ErrorCode.TOO_LONG, f"an octet-string longer than {most} octets")
        return value

    def text(self, tag: int, most: int) -> str:
        value = self._value(tag)
        if not isinstance(value, str):
            raise malformed("a text was expected")
        if len(value.encode()) > most:
            raise RemoteProtocolError(ErrorCode.TOO_LONG, f"a text longer than {most} octets")
        return value

    def choice(self, kind: type[Choice]) -> Choice:
        number = self.whole(_ENUM)
        try:
            return kind(number)
        except ValueError:
            raise malformed(f"{number} is not a {kind.__name__}") from None

    def moment(self) -> datetime:
        value = dates.decode(self.octets(12))
        if value is None:
            raise malformed("a moment with unspecified parts")
        return value.astimezone(UTC)

    def optional(self, read: Callable[[], T]) -> T | None:
        if self._next_tag() != _NULL:
            return read()
        self._at += 1
        return None

    def _next_tag(self) -> int:
        if self._at >= len(self._raw):
            raise malformed("the message ends too early")
        return self._raw[self._at]

    def _count(self, tag: int) -> int:
        if self._next_tag() != tag:
            raise malformed(f"type {self._next_tag()} where {tag} was expected")
        count, self._at = take_length(self._raw, self._at + 1)
        if count > len(self._raw) - self._at:
            raise malformed(f"{count} elements in {len(self._raw) - self._at} octets")
        return count

    def _value(self, *tags: int) -> data.Value:
        if self._next_tag() not in tags:
            raise malformed(f"type {self._next_tag()} where {' or '.join(map(str, tags))} was expected")
        value, self._at = data.decode_from(self._raw, self._at)
        return value


def decode(raw: bytes, read: Callable[[Cursor], T]) -> T:
    """One message that fills raw. read: one of the functions `read_…` below, or a method of Cursor."""
    cursor = Cursor(raw)
    message = read(cursor)
    cursor.ends()
    return message


def decode_array(raw: bytes, read: Callable[[Cursor], T], *, most: int = ENTRIES_MAX) -> tuple[T, ...]:
    return decode(raw, lambda cursor: cursor.array(read, most=most))


def encode_array(encoded: Iterable[bytes]) -> bytes:
    return data.array(*encoded)


def encode_number(number: int) -> bytes:
    """Keys, fences and epochs."""
    return data.u64(number)


def read_number(cursor: Cursor) -> int:
    return cursor.whole(_ULONG64)


def read_count(cursor: Cursor) -> int:
    return cursor.whole(_U32)


def encode_name(name: str) -> bytes:
    return data.text(_short(name, NAME_OCTETS_MAX))


def read_name(cursor: Cursor) -> str:
    return cursor.text(_VISIBLE, NAME_OCTETS_MAX)


def encode_moment(at: datetime) -> bytes:
    return _moment(at)


def read_moment(cursor: Cursor) -> datetime:
    return cursor.moment()


def encode_order(item: OrderItem) -> bytes:
    return data.structure(
        data.u64(item.order_id),
        data.utf8(_short(item.number, NUMBER_OCTETS_MAX)),
        data.enum(item.kind),
        encode_name(item.meter),
        data.u32(item.limit_w),
        data.u64(item.fence),
        data.u64(item.epoch),
        data.u8(item.priority),
        _moment_or_null(item.not_after),
        encode_name(item.model),
        _moment_or_null(item.until),
    )


def read_order(cursor: Cursor) -> OrderItem:
    cursor.structure(11)
    return OrderItem(
        order_id=read_number(cursor),
        number=cursor.text(_UTF8, NUMBER_OCTETS_MAX),
        kind=cursor.choice(ItemKind),
        meter=read_name(cursor),
        limit_w=cursor.whole(_U32),
        fence=read_number(cursor),
        epoch=read_number(cursor),
        priority=cursor.whole(_UNSIGNED),
        not_after=cursor.optional(cursor.moment),
        model=read_name(cursor),
        until=cursor.optional(cursor.moment),
    )


def encode_result(result: ItemResult) -> bytes:
    return data.structure(
        data.u64(result.result_id),
        data.u64(result.order_id),
        data.u64(result.fence),
        data.enum(result.verdict),
        encode_name(result.cause),
        data.utf8(_cut(result.detail, DETAIL_OCTETS_MAX)),
        data.null() if result.readback is None else _readback(result.readback),
        data.null() if result.supply is None else _supply(result.supply),
        data.null() if result.demand is None else _demand(result.demand),
        _moment(result.at),
    )


def read_result(cursor: Cursor) -> ItemResult:
    cursor.structure(10)
    return ItemResult(
        result_id=read_number(cursor),
        order_id=read_number(cursor),
        fence=read_number(cursor),
        verdict=cursor.choice(ItemVerdict),
        cause=read_name(cursor),
        detail=cursor.text(_UTF8, DETAIL_OCTETS_MAX),
        readback=cursor.optional(lambda: _read_readback(cursor)),
        supply=cursor.optional(lambda: _read_supply(cursor)),
        demand=cursor.optional(lambda: _read_demand(cursor)),
        at=cursor.moment(),
    )


def encode_row(row: TableRow) -> bytes:
    return data.structure(encode_name(row.meter), data.boolean(row.reachable), _moment_or_null(row.last_seen))


def read_row(cursor: Cursor) -> TableRow:
    cursor.structure(3)
    return TableRow(read_name(cursor), cursor.truth(), cursor.optional(cursor.moment))


def encode_submission(answer: Submission) -> bytes:
    return data.structure(data.u64(answer.order_id), data.boolean(answer.taken), encode_name(answer.cause))


def read_submission(cursor: Cursor) -> Submission:
    cursor.structure(3)
    return Submission(read_number(cursor), cursor.truth(), read_name(cursor))


def encode_queued(queued: QueuedOrder) -> bytes:
    return data.structure(
        data.u64(queued.order_id),
        data.u64(queued.fence),
        encode_name(queued.meter),
        data.u8(queued.priority),
        data.boolean(queued.begun),
    )


def read_queued(cursor: Cursor) -> QueuedOrder:
    cursor.structure(5)
    return QueuedOrder(
        order_id=read_number(cursor),
        fence=read_number(cursor),
        meter=read_name(cursor),
        priority=cursor.whole(_UNSIGNED),
        begun=cursor.truth(),
    )


def encode_push(logical_name: bytes, results: Iterable[bytes]) -> bytes:
    """Body of the data-notification. results: encoded one by one."""
    return data.structure(data.octets(logical_name), data.array(*results))


def read_push(cursor: Cursor) -> tuple[bytes, tuple[ItemResult, ...]]:
    """The logical name of the board that speaks, and its results."""
    cursor.structure(2)
    return cursor.octets(6), cursor.array(read_result)


def _readback(values: ItemReadback) -> bytes:
    return data.structure(
        _raw_value(values.before),
        data.null() if values.written is None else _raw_value(values.written),
        _raw_value(values.threshold),
        data.null() if values.active is None else _raw_value(values.active),
        data.i8(values.scaler),
        _moment(values.read_at),
        data.null() if values.emergency is None else data.boolean(values.emergency),
        data.null() if values.breaker is None else data.enum(values.breaker),
        _moment_or_null(values.restores_at),
    )


def _read_readback(cursor: Cursor) -> ItemReadback:
    cursor.structure(9)

    def raw_value() -> int:
        return cursor.whole(_LONG64, _ULONG64)

    return ItemReadback(
        before=raw_value(),
        written=cursor.optional(raw_value),
        threshold=raw_value(),
        active=cursor.optional(raw_value),
        scaler=cursor.whole(_INTEGER),
        read_at=cursor.moment(),
        emergency=cursor.optional(cursor.truth),
        breaker=cursor.optional(lambda: _breaker(cursor)),
        restores_at=cursor.optional(cursor.moment),
    )


def _supply(values: ItemSupply) -> bytes:
    return data.structure(
        data.enum(values.before),
        data.enum(values.state),
        data.null() if values.output is None else data.boolean(values.output),
        data.boolean(values.is_commanded),
        _moment(values.read_at),
    )


def _read_supply(cursor: Cursor) -> ItemSupply:
    cursor.structure(5)
    return ItemSupply(
        before=_breaker(cursor),
        state=_breaker(cursor),
        output=cursor.optional(cursor.truth),
        is_commanded=cursor.truth(),
        read_at=cursor.moment(),
    )


def _demand(values: ItemDemand) -> bytes:
    return data.structure(
        _raw_value(values.average),
        data.i8(values.scaler),
        data.u32(values.period_s),
        _moment_or_null(values.captured_at),
        data.null() if values.breaker is None else data.enum(values.breaker),
        _moment(values.read_at),
    )


def _read_demand(cursor: Cursor) -> ItemDemand:
    cursor.structure(6)
    return ItemDemand(
        average=cursor.whole(_LONG64, _ULONG64),
        scaler=cursor.whole(_INTEGER),
        period_s=cursor.whole(_U32),
        captured_at=cursor.optional(cursor.moment),
        breaker=cursor.optional(lambda: _breaker(cursor)),
        read_at=cursor.moment(),
    )


def _breaker(cursor: Cursor) -> int:
    state = cursor.whole(_ENUM)
    if state > 2:
        raise malformed(f"{state} is no control_state of class 70")
    return state


def _raw_value(value: int) -> bytes:
    """long64; long64-unsigned only for what it cannot hold ("no limit" in a meter with a 64-bit register)."""
    return data.u64(value) if value > _LONG64_MAX else data.i64(value)


def _moment(at: datetime) -> bytes:
    if at.utcoffset() is None:
        raise LocalProtocolError("a moment without a zone is ambiguous")
    return data.octets(dates.encode(at.astimezone(UTC)))


def _moment_or_null(at: datetime | None) -> bytes:
    return data.null() if at is None else _moment(at)


def _short(text: str, most: int) -> str:
    if len(text.encode()) > most:
        raise LocalProtocolError(f"{text[:20]!r}… is longer than {most} octets")
    return text


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")
