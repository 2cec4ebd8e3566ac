"""Step 9, Integration -> Legacy: an order's end as a CIM response, sent until it is acknowledged, or kept."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from aforo.cim.control_requests import GetRequest
from aforo.cim.control_response import AnsweredControl, ControlResponse, Readback, response_header
from aforo.cim.message import FATAL, INFORM, WARNING, Header, Reply, ReplyError, Result, message_id, timestamp
from aforo.cim.namespaces import NOUN
from aforo.domain.causes import CAUSES, Cause
from aforo.domain.delivery import Delivery, DeliveryState, ResultMessage
from aforo.domain.order import Fact, Order, OrderRequest
from aforo.domain.order_states import OrderState
from aforo.flow.decision import INTEGRATION, LEGACY

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=10)
GIVEN_UP_AFTER = timedelta(days=7)
"""Counted from the order's end. What is kept can still be asked for."""

_DOUBLINGS_MAX = 7
"""5 s doubled 7 times is above LONGEST_WAIT."""

_CAUSE_OF_END = {
    OrderState.EXPIRED: Cause.EXPIRED,
    OrderState.CANCELLED: Cause.CANCELLED,
    OrderState.SUPERSEDED: Cause.SUPERSEDED,
    OrderState.UNCONFIRMED: Cause.OUTCOME_UNKNOWN,
}
"""The end itself says why, whatever the last attempt met with."""


def answer(order: Order, message: ResultMessage, *, asked: GetRequest | None = None) -> ControlResponse:
    """The final answer. A result gives the same answer at every repetition, MessageID and Timestamp included.

    asked: the question that it answers, in whose language and under whose correlation; None when it is sent unasked.
    What was ordered is the order's; how it ended is the message's, so that a correction is not told before its turn.
    """
    request, data = order.request, message.body["data"]
    at = timestamp(datetime.fromisoformat(message.body["time"]))
    if asked is None:
        header = response_header(_header_of(request), identifier=_identifier(order, message), at=at)
    else:
        identifier = message_id(_identifier(order, message), asked.header.message_id)
        header = response_header(asked.header, identifier=identifier, at=at)
    control = AnsweredControl(
        number=request.number,
        meter=request.meter,
        control_type=order.kind.control_type,
        reason=request.reason,
        watts=None if order.limit_w is None else Decimal(order.limit_w),
        readback=_readback(data["evidence"]),
    )
    return ControlResponse(header, _reply(order, data, asked.language if asked else request.language), (control,))


def answered(order: Order, delivery: Delivery, address: str, now: datetime) -> tuple[Delivery, Fact]:
    """The commercial system has acknowledged it. delivery: as it stood before this POST, here and below."""
    message = delivery.message
    reply = _reply(order, message.body["data"], order.request.language)
    payload = {
        "address": address,
        "result": reply.result.value,
        "code": reply.errors[0].code,
        "message": _identifier(order, message),
    }
    closed = replace(delivery, state=DeliveryState.ANSWERED, attempts=delivery.attempts + 1, next_at=None)
    return closed, Fact(9, now, INTEGRATION, LEGACY, "LegacyAnswered", payload)


def not_answered(delivery: Delivery, address: str, why: str, now: datetime) -> tuple[Delivery, Fact | None]:
    """Due again, or kept when it has been tried for long enough.

    A fact only while the waits still grow: a system that is away for a week would else leave a thousand of them.
    """
    attempts = delivery.attempts + 1
    begun = replace(delivery, attempts=attempts)
    wait = min(FIRST_WAIT * 2 ** min(attempts - 1, _DOUBLINGS_MAX), LONGEST_WAIT)
    if now + wait > datetime.fromisoformat(delivery.message.body["time"]) + GIVEN_UP_AFTER:
        return kept(begun, f"{address}: {why}", now)
    due = replace(begun, next_at=now + wait)
    if attempts > _DOUBLINGS_MAX + 1:
        return due, None
    payload = {"address": address, "why": why, "attempt": attempts}
    return due, Fact(9, now, INTEGRATION, LEGACY, "AnswerDelayed", payload)


def kept(delivery: Delivery, why: str, now: datetime) -> tuple[Delivery, Fact]:
    """It waits to be asked for: there is no address to send it to, or the last attempt failed."""
    closed = replace(delivery, state=DeliveryState.KEPT, next_at=None)
    return closed, Fact(9, now, INTEGRATION, LEGACY, "AnswerKept", {"why": why})


def _identifier(order: Order, message: ResultMessage) -> str:
    return message_id("answer", order.request.source, order.number, message.id)


def _header_of(request: OrderRequest) -> Header:
    """What is known of the order's own header."""
    return Header(
        verb="create",
        noun=NOUN,
        source=request.source,
        message_id=request.message_id,
        correlation_id=request.correlation_id,
    )


def _reply(order: Order, data: dict[str, Any], language: str) -> Reply:
    """By the table of outcomes: VERIFIED 0.0, UNCONFIRMED 0.1 (never FAILED), every other end by its cause."""
    state = OrderState(data["state"])
    english = language == "en"
    if state is OrderState.VERIFIED:
        words = order.kind.verified_en if english else order.kind.verified_es
        return Reply(Result.OK, (ReplyError("0.0", INFORM, words, state.value),), order.number)
    cause = _CAUSE_OF_END.get(state, Cause(data["cause"]) if data["cause"] else None)
    assert cause is not None, f"order {order.number} is {state.value} without a cause"
    facts = CAUSES[cause]
    unknown = state is OrderState.UNCONFIRMED
    until = data.get("may_change_until")
    changes = f"may change until {timestamp(datetime.fromisoformat(until))}" if until else ""
    again = "retry_allowed" if data.get("retry_allowed") and not unknown else ""
    field_work = "field_work_suggested" if data.get("field_work_suggested") and not unknown else ""
    told = "; ".join(filter(None, (changes, data["detail"], again, field_work)))
    details = " ".join(filter(None, (state.value, data["cause"]))) + (f": {told}" if told else "")
    error = ReplyError(facts.reply, WARNING if unknown else FATAL, facts.en if english else facts.es, details)
    return Reply(Result.PARTIAL if unknown else Result.FAILED, (error,), order.number)


def _readback(evidence: dict[str, Any] | None) -> Readback | None:
    if evidence is None:
        return None
    before, threshold, active = (evidence.get(name) for name in ("before_w", "threshold_w", "active_w"))
    return Readback(
        before=None if before is None else Decimal(before),
        threshold=None if threshold is None else Decimal(threshold),
        active=None if active is None else Decimal(active),
        breaker=evidence["breaker"] or "",
        read_at=evidence["read_at"],
    )
