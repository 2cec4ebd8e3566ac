"""Step 4, HeadEnd -> Concentrator: the order is handed over with its fence, its epoch and its not-after."""

from datetime import datetime

from aforo.dclink.messages import ItemKind, OrderItem
from aforo.domain.causes import Cause
from aforo.domain.confirmation import next_reading
from aforo.domain.devices import Link, Meter
from aforo.domain.identifiers import Epoch, Fence
from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState
from aforo.domain.preconditions import Circumstances, closed_now
from aforo.flow.decision import CONCENTRATOR, HEADEND, Decision, move


def procedure_of_visit(order: Order) -> str:
    """What the next visit does: an order whose outcome is unknown is only ever looked at."""
    return order.kind.look if order.state.is_only_read else order.kind.command


def obstacle_now(order: Order, meter: Meter, now: datetime, known: Circumstances) -> Decision | None:
    """Expired, or to be held again because the service window closed while the order waited. None: go on.

    An order that may have left is past that: reading is allowed at any time.
    """
    if order.state.is_only_read:
        return None
    request = order.request
    if request.latest_start is not None and now > request.latest_start:
        return expire(order, request.latest_start, now)
    closed = closed_now(request, meter, now, known)
    if closed is not None and _has_waited_enough(order, closed.until):
        detail = "its deadline passes before the service window opens again"
        payload = {"cause": Cause.CONCENTRATOR_UNREACHABLE.value, "detail": detail}
        fact = Fact(4, now, HEADEND, HEADEND, "VisitNotPossible", payload)
        return move(order, OrderState.FAILED, now, fact, detail=detail, next_at=None)
    if closed is not None:
        payload = {"until": closed.until.isoformat(), "cause": closed.cause.value}
        fact = Fact(4, now, HEADEND, HEADEND, "OrderHeld", payload)
        return move(order, OrderState.HELD, now, fact, cause=closed.cause, next_at=closed.until)
    return None


def _has_waited_enough(order: Order, opening: datetime) -> bool:
    """It was tried while the window was open, and its concentrator was away."""
    was_away = order.cause is Cause.CONCENTRATOR_UNREACHABLE
    return was_away and order.deadline is not None and order.deadline <= opening


def expire(order: Order, latest: datetime, now: datetime) -> Decision:
    """latest: when it might have begun: its not-after, or the end of its limit."""
    fact = Fact(4, now, HEADEND, HEADEND, "OrderExpired", {"not_after": latest.isoformat()})
    return move(order, OrderState.EXPIRED, now, fact, cause=Cause.EXPIRED, next_at=None)


def dispatch(order: Order, meter: Meter, *, fence: Fence, epoch: Epoch, now: datetime) -> Decision:
    """Commit this before anything is sent: after a crash the order is known to have perhaps left.

    An order that is being reconciled stays so, and an unconfirmed one too: their visits only read. What is lost of such
    a reading needs no care: the next one is due already.
    """
    procedure = procedure_of_visit(order)
    state = order.state if order.state.is_only_read else OrderState.DISPATCHED
    next_at = None
    if order.state is OrderState.UNCONFIRMED:
        assert order.ended_at is not None, "an unconfirmed order has ended"
        next_at = next_reading(order.ended_at, now)
    payload = {
        "order": order.number,
        "kind": procedure,
        "meter": meter.number,
        "limit_w": order.limit_w,
        "fence": fence,
        "epoch": epoch,
        "attempt": order.attempts + 1,
        "link": meter.link.value,
        "concentrator": meter.concentrator,
        "address": str(meter.address) if meter.link is Link.DIRECT else None,
        "not_after": order.request.latest_start.isoformat() if order.request.latest_start else None,
    }
    fact = Fact(4, now, HEADEND, _receiver(meter), "OrderDispatched", payload)
    changes = {"fence": fence, "attempts": order.attempts + 1, "next_at": next_at}
    return move(
        order, state, now, fact, command_fence=order.command_fence if procedure == order.kind.look else fence, **changes
    )


def _receiver(meter: Meter) -> str:
    return HEADEND if meter.link is Link.DIRECT else CONCENTRATOR


def order_item(order: Order, meter: Meter, epoch: Epoch, *, latest: datetime | None) -> OrderItem:
    """The dispatched order as the concentrator is told it. latest: its command must not begin later, by that clock."""
    assert order.fence is not None, "an order is dispatched before it is sent"
    procedure = procedure_of_visit(order)
    is_look = procedure == order.kind.look
    return OrderItem(
        order_id=order.id,
        number=order.number,
        kind=ItemKind[procedure],
        meter=meter.number,
        limit_w=0 if is_look else order.limit_w or 0,
        fence=order.fence,
        epoch=epoch,
        priority=int(order.request.priority),
        not_after=None if is_look else latest,
        model=meter.model,
        until=None if is_look else order.request.until,
    )


def taken(order: Order, now: datetime) -> Decision:
    """The concentrator has the order in its queue."""
    state = OrderState.RECONCILING if order.state is OrderState.RECONCILING else OrderState.IN_PROGRESS
    fact = Fact(4, now, CONCENTRATOR, HEADEND, "OrderTaken", {"order": order.number, "fence": order.fence})
    return move(order, state, now, fact)
