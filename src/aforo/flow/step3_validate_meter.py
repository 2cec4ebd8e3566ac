"""Step 3, HeadEnd -> HeadEnd: exists, linked, commissioned, within its rating, within the service window."""

from datetime import datetime, timedelta
from typing import Any

from aforo.domain.causes import Cause
from aforo.domain.deadlines import Alarm, alarm_at
from aforo.domain.devices import Meter
from aforo.domain.order import Fact, Order, Priority
from aforo.domain.order_kinds import LimitFrom
from aforo.domain.order_states import OrderState
from aforo.domain.preconditions import Circumstances, closed_now, incapacity, lasting_obstacle, protection
from aforo.domain.quantities import PowerLimit
from aforo.flow.decision import HEADEND, Decision, move

APPROVAL_WAIT = timedelta(days=7)
"""For an order that tells no not-after of its own."""


def validate_meter(order: Order, meter: Meter | None, now: datetime, known: Circumstances) -> Decision:
    """validated, held until the service window opens, REFUSED with its cause, or EXPIRED."""
    request = order.request
    if request.latest_start is not None and now > request.latest_start:
        fact = _fact(now, "OrderExpired", not_after=request.latest_start.isoformat())
        return move(order, OrderState.EXPIRED, now, fact, cause=Cause.EXPIRED, next_at=None)
    obstacle = lasting_obstacle(request, meter) or incapacity(request, known)
    if obstacle is not None:
        rating = meter.max_power_w if meter and obstacle is Cause.LIMIT_ABOVE_RATING else None
        fact = _fact(now, "MeterRefused", meter=request.meter, cause=obstacle.value, max_power_w=rating)
        return move(order, OrderState.REFUSED, now, fact, cause=obstacle, next_at=None)
    assert meter is not None
    decision = _protect(order, meter, now, known)
    if decision is not None:
        return decision
    closed = closed_now(request, meter, now, known)
    if closed is not None:
        fact = _fact(now, "OrderHeld", until=closed.until.isoformat(), cause=closed.cause.value)
        return move(order, OrderState.HELD, now, fact, cause=closed.cause, next_at=closed.until)
    fact = _fact(
        now,
        "MeterValidated",
        meter=meter.number,
        link=meter.link.value,
        concentrator=meter.concentrator,
        max_power_w=meter.max_power_w,
        special=request.special,
    )
    restores = request.kind.limit_from is LimitFrom.CONTRACT
    restored = PowerLimit(meter.contracted_power_w) if restores else None
    changes = {"restored": restored, **_deadline(order, now, known)}
    return move(order, OrderState.VALIDATED, now, fact, cause=None, next_at=now, **changes)


def _deadline(order: Order, now: datetime, known: Circumstances) -> dict[str, Any]:
    """A new one when the last has passed while it was held, untried."""
    if order.deadline is not None and order.deadline > now:
        return {}
    request = order.request
    deadline = now + known.deadlines.patience(request.kind.name, is_urgent=request.priority is Priority.HIGH)
    return {"deadline": deadline, "alarm_at": alarm_at(now, deadline, Alarm.WARNING), "is_warned": False}


def _protect(order: Order, meter: Meter, now: datetime, known: Circumstances) -> Decision | None:
    """None: it needs no approval, or has it."""
    cause = protection(order.request, meter, known)
    if cause is None or (cause is Cause.AWAITING_APPROVAL and order.approved_by):
        return None
    if cause is Cause.PROTECTED_CUSTOMER:
        fact = _fact(now, "MeterRefused", meter=meter.number, cause=cause.value, max_power_w=None)
        return move(order, OrderState.REFUSED, now, fact, cause=cause, next_at=None)
    until = order.request.latest_start or order.received_at + APPROVAL_WAIT
    if now >= until:
        fact = _fact(now, "OrderExpired", not_after=until.isoformat())
        return move(order, OrderState.EXPIRED, now, fact, cause=Cause.EXPIRED, detail="not approved", next_at=None)
    fact = _fact(now, "OrderHeld", until=until.isoformat(), cause=cause.value)
    return move(order, OrderState.HELD, now, fact, cause=cause, next_at=until)


def _fact(now: datetime, name: str, **payload: object) -> Fact:
    return Fact(3, now, HEADEND, HEADEND, name, payload)
