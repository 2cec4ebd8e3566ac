"""Before an order's deadline passes: a warning, then an escalation, each a fact of its own."""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from aforo.domain.deadlines import Alarm
from aforo.domain.order import Fact, Order
from aforo.flow.decision import HEADEND, Decision

_LEFT_LATER = (1.0 - Alarm.ESCALATION.value) / (1.0 - Alarm.WARNING.value)
"""Of the time that is left at the warning, at the escalation."""


def raise_alarm(order: Order, now: datetime) -> Decision:
    """The order's alarm is due. It stays as it is, and the next alarm, if there is one, is set."""
    assert order.deadline is not None, "only what has a deadline has an alarm"
    assert order.alarm_at is not None
    payload: dict[str, Any] = {
        "order": order.number,
        "deadline": order.deadline.isoformat(),
        "state": order.state.value,
        "cause": None if order.cause is None else order.cause.value,
    }
    if order.is_warned:
        fact = Fact(7, now, HEADEND, HEADEND, "DeadlineEscalated", payload)
        return Decision(replace(order, alarm_at=None), (fact,))
    later = order.deadline - (order.deadline - order.alarm_at) * _LEFT_LATER
    fact = Fact(7, now, HEADEND, HEADEND, "DeadlineNear", payload)
    return Decision(replace(order, alarm_at=later, is_warned=True), (fact,))
