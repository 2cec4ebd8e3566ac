"""Rows of the database as values of the domain, and back."""

from datetime import datetime
from typing import Any

import asyncpg
import msgspec.json
from msgspec.structs import replace

from aforo.adapters.postgres.storable import is_kept, to_jsonb
from aforo.domain.audit import digest_of
from aforo.domain.causes import Cause
from aforo.domain.identifiers import Fence, MeterNumber, OrderId, OrderNumber, Source
from aforo.domain.order import Fact, Order, OrderRequest, Priority
from aforo.domain.order_kinds import KINDS
from aforo.domain.order_states import OrderState
from aforo.domain.quantities import PowerLimit


def order_of(row: asyncpg.Record) -> Order:
    limit_w, fence, command_fence, cause = row["limit_w"], row["fence"], row["command_fence"], row["cause"]
    request = OrderRequest(
        source=Source(row["source"]),
        number=OrderNumber(row["number"]),
        kind=KINDS[row["kind"]],
        meter=MeterNumber(row["meter"]),
        limit=None if limit_w is None else PowerLimit(limit_w),
        reason=row["reason"],
        priority=Priority(row["priority"]),
        special=row["special"],
        not_after=row["not_after"],
        until=row["until"],
        retry_of=None if row["retry_of"] is None else OrderNumber(row["retry_of"]),
        message_id=row["message_id"],
        correlation_id=row["correlation_id"],
        reply_address=row["reply_address"],
        language=row["language"],
        dialect=row["dialect"],
        traceparent=row["traceparent"],
        digest=row["digest"],
    )
    return Order(
        id=OrderId(row["id"]),
        request=request,
        state=OrderState(row["state"]),
        received_at=row["received_at"],
        version=row["version"],
        lane=row["lane"],
        approved_by=row["approved_by"],
        restored=None if row["restored_w"] is None else PowerLimit(row["restored_w"]),
        companion_of=None if row["companion_of"] is None else OrderId(row["companion_of"]),
        deadline=row["deadline"],
        alarm_at=row["alarm_at"],
        is_warned=row["is_warned"],
        attempts=row["attempts"],
        next_at=row["next_at"],
        fence=None if fence is None else Fence(fence),
        command_fence=None if command_fence is None else Fence(command_fence),
        cause=None if cause is None else Cause(cause),
        detail=row["detail"],
        evidence=row["evidence"],
        ended_at=row["ended_at"],
    )


def standing_of(order: Order) -> dict[str, Any]:
    """What a decision may change, as JSON."""
    return {
        "id": order.id,
        "version": order.version,
        "state": order.state.value,
        "lane": order.lane,
        "approved_by": order.approved_by,
        "deadline": _moment(order.deadline),
        "alarm_at": _moment(order.alarm_at),
        "is_warned": order.is_warned,
        "restored_w": None if order.restored is None else order.restored.watts,
        "attempts": order.attempts,
        "next_at": _moment(order.next_at),
        "fence": order.fence,
        "command_fence": order.command_fence,
        "cause": None if order.cause is None else order.cause.value,
        "detail": order.detail,
        "evidence": order.evidence,
        "ended_at": _moment(order.ended_at),
    }


def whole_of(order: Order) -> dict[str, Any]:
    """Everything, as JSON."""
    request = order.request
    return {
        **standing_of(order),
        "source": request.source,
        "number": request.number,
        "kind": request.kind.name,
        "sets": "" if request.kind.sets is None else request.kind.sets.value,
        "meter": request.meter,
        "limit_w": None if request.limit is None else request.limit.watts,
        "reason": request.reason,
        "priority": int(request.priority),
        "special": request.special,
        "not_after": _moment(request.not_after),
        "until": _moment(request.until),
        "retry_of": request.retry_of,
        "message_id": request.message_id,
        "correlation_id": request.correlation_id,
        "reply_address": request.reply_address,
        "language": request.language,
        "dialect": request.dialect,
        "traceparent": request.traceparent,
        "digest": request.digest,
        "received_at": _moment(order.received_at),
        "companion_of": order.companion_of,
    }


def fact_row(order_id: OrderId, fact: Fact) -> dict[str, Any]:
    """Its digest is that of the fact as it will be read again."""
    payload = fact.payload
    kept = fact if is_kept(payload) else replace(fact, payload=msgspec.json.decode(to_jsonb(payload)))
    return {
        "digest": digest_of(order_id, kept).hex(),
        "order_id": order_id,
        "step": fact.step,
        "at": fact.at.isoformat(),
        "sender": fact.sender,
        "receiver": fact.receiver,
        "name": fact.name,
        "payload": fact.payload,
    }


def fact_of(row: asyncpg.Record) -> Fact:
    return Fact(row["step"], row["at"], row["sender"], row["receiver"], row["name"], row["payload"])


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
