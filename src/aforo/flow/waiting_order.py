"""What may be decided about an order while no command of it has left: cancelled, approved, superseded."""

from datetime import datetime

from aforo.domain.causes import Cause
from aforo.domain.identifiers import OrderNumber
from aforo.domain.order import Fact, Order
from aforo.domain.order_states import EDGES, OrderState
from aforo.flow.decision import HEADEND, INTEGRATION, LEGACY, Decision, move


def can_be_cancelled(order: Order) -> bool:
    """False: it has ended, or its command may have left and only the meter knows what became of it."""
    return OrderState.CANCELLED in EDGES[order.state]


def cancel(order: Order, *, by: str, reason: str, now: datetime) -> Decision:
    """by: who asks for it."""
    fact = Fact(1, now, LEGACY, INTEGRATION, "OrderCancelled", {"order": order.number, "by": by, "reason": reason})
    detail = f"by {by}: {reason}" if reason else f"by {by}"
    return move(order, OrderState.CANCELLED, now, fact, cause=Cause.CANCELLED, detail=detail, next_at=None)


def awaits_approval(order: Order) -> bool:
    return order.state is OrderState.HELD and order.cause is Cause.AWAITING_APPROVAL


def approve(order: Order, *, by: str, now: datetime) -> Decision:
    """It is validated once more, at once. by: another than who ordered."""
    fact = Fact(3, now, HEADEND, HEADEND, "OrderApproved", {"order": order.number, "by": by})
    return move(order, OrderState.HELD, now, fact, approved_by=by, next_at=now)


def end_with_its_limit(order: Order, ended: Order, now: datetime) -> Decision:
    """ended: whose limit this order was to end, and which was never carried out: there is nothing to end."""
    payload = {"order": order.number, "by": ended.number, "reason": ended.state.value}
    fact = Fact(4, now, HEADEND, HEADEND, "OrderCancelled", payload)
    detail = f"order {ended.number} ended {ended.state.value}: there is no limit to end"
    return move(order, OrderState.CANCELLED, now, fact, cause=Cause.CANCELLED, detail=detail, next_at=None)


def supersede(order: Order, by: OrderNumber, now: datetime) -> Decision:
    """A later order for the meter came while this one waited: an older wish must not be carried out after it."""
    fact = Fact(4, now, HEADEND, HEADEND, "OrderSuperseded", {"order": order.number, "by": by})
    detail = f"order {by} was received later"
    return move(order, OrderState.SUPERSEDED, now, fact, cause=Cause.SUPERSEDED, detail=detail, next_at=None)
