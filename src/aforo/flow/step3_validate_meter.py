"""Step 3, HeadEnd -> HeadEnd: exists, linked, commissioned, within its rating, on a working day (source document)."""

from datetime import datetime

from aforo.domain.causes import Cause
from aforo.domain.devices import Meter
from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState
from aforo.domain.preconditions import lasting_obstacle, may_run_today
from aforo.domain.working_days import next_working_day
from aforo.flow.decision import HEADEND, Decision, move


def validate_meter(order: Order, meter: Meter | None, now: datetime) -> Decision:
    """validated, held until the next working day, REFUSED with its cause, or EXPIRED."""
    request = order.request
    if request.not_after is not None and now > request.not_after:
        fact = _fact(now, "OrderExpired", not_after=request.not_after.isoformat())
        return move(order, OrderState.EXPIRED, now, fact, cause=Cause.EXPIRED, next_at=None)
    obstacle = lasting_obstacle(request, meter)
    if obstacle is not None:
        rating = meter.max_power_w if meter and obstacle is Cause.LIMIT_ABOVE_RATING else None
        fact = _fact(now, "MeterRefused", meter=request.meter, cause=obstacle.value, max_power_w=rating)
        return move(order, OrderState.REFUSED, now, fact, cause=obstacle, next_at=None)
    assert meter is not None
    if not may_run_today(request, meter, now):
        opens = next_working_day(now, meter.time_zone)
        fact = _fact(now, "OrderHeld", until=opens.isoformat(), cause=Cause.NOT_A_WORKING_DAY.value)
        return move(order, OrderState.HELD, now, fact, cause=Cause.NOT_A_WORKING_DAY, next_at=opens)
    fact = _fact(
        now,
        "MeterValidated",
        meter=meter.number,
        link=meter.link.value,
        concentrator=meter.concentrator,
        max_power_w=meter.max_power_w,
        special=request.special,
    )
    return move(order, OrderState.VALIDATED, now, fact, cause=None, next_at=now)


def _fact(now: datetime, name: str, **payload: object) -> Fact:
    return Fact(3, now, HEADEND, HEADEND, name, payload)
