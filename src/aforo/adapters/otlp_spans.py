"""Facts as spans of OpenTelemetry (OTLP 1, JSON): a trace for each order, a span for each thing that happened to it.

A fact's span lasts from the fact before it: so a trace shows what an order waited for. Its identifiers are made from
the order's own, so that all processes write into one trace without knowing of each other.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aforo.domain.identifiers import OrderId
from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState

_LEFT_OUT = frozenset({"frames"})
"""Of payloads: long, and stands with the order."""

_TEXT_MAX = 500
_INTERNAL, _SERVER = 1, 2
"""SpanKind."""

_ERROR = 2
"""StatusCode."""

_RIGHT = (OrderState.VERIFIED, OrderState.CANCELLED, OrderState.SUPERSEDED)


def trace_id(installation: str, order_id: OrderId) -> str:
    """32 hexadecimal digits. installation: tells the orders of one database from those of another."""
    return hashlib.sha256(f"{installation} {order_id}".encode()).hexdigest()[:32]


def fact_span(trace: str, fact: Fact, since: datetime) -> dict[str, Any]:
    """since: when the fact before it was, or the fact's own time."""
    payload = {f"aforo.{name}": value for name, value in fact.payload.items() if name not in _LEFT_OUT}
    told = {"aforo.step": fact.step, "aforo.sender": fact.sender, "aforo.receiver": fact.receiver, **payload}
    own = f"{fact.name} {fact.at.isoformat()} {fact.payload!r}"  # of one commit, all are of one moment
    return {
        **_span(trace, own, fact.name, (min(since, fact.at), fact.at), told),
        "kind": _INTERNAL,
        "parentSpanId": _span_id(trace, ""),
    }


def order_span(trace: str, order: Order) -> dict[str, Any]:
    """The whole order, as it has ended: the parent of all its facts."""
    assert order.ended_at is not None, "an order that has ended"
    told: dict[str, Any] = {
        "aforo.order": order.number,
        "aforo.source": order.request.source,
        "aforo.meter": order.request.meter,
        "aforo.state": order.state.value,
        "aforo.cause": None if order.cause is None else order.cause.value,
        "aforo.attempts": order.attempts,
        "aforo.limit_w": order.limit_w,
    }
    span = _span(trace, "", f"order {order.kind.name}", (order.received_at, order.ended_at), told)
    status = {} if order.state in _RIGHT else {"code": _ERROR, "message": order.detail[:_TEXT_MAX]}
    return {**span, "kind": _SERVER, "status": status, "links": _links(order.request.traceparent)}


def _links(traceparent: str) -> list[dict[str, Any]]:
    """To the sender's span: an order outlives the call that brought it, and one call may bring many."""
    if not traceparent:
        return []
    _, trace, span, flags = traceparent.split("-")
    return [{"traceId": trace, "spanId": span, "flags": int(flags, 16)}]


def request_document(spans: Sequence[dict[str, Any]], resource: Mapping[str, str]) -> dict[str, Any]:
    """An ExportTraceServiceRequest."""
    scope = {"scope": {"name": "aforo"}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}]}


def _span(
    trace: str, own: str, name: str, lasts: tuple[datetime, datetime], attributes: Mapping[str, Any]
) -> dict[str, Any]:
    """own: what tells the span from the others of its trace."""
    begin, end = lasts
    return {
        "traceId": trace,
        "spanId": _span_id(trace, own),
        "name": name,
        "startTimeUnixNano": _nanoseconds(begin),
        "endTimeUnixNano": _nanoseconds(end),
        "attributes": _attributes(attributes),
    }


def _span_id(trace: str, own: str) -> str:
    return hashlib.sha256(f"{trace} {own}".encode()).hexdigest()[:16]


def _nanoseconds(moment: datetime) -> str:
    """OTLP writes 64-bit numbers as text. Whole microseconds are kept: a float would not."""
    return str(int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000)


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)[:_TEXT_MAX]}
