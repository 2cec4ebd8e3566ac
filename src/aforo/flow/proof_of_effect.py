"""The ladder of proof above "verified": when the demand may be read, and which rung an order stands on."""

from datetime import datetime, timedelta
from enum import Enum

from aforo.domain.causes import Cause
from aforo.domain.order import Fact, Order
from aforo.domain.order_kinds import PROVE, Aspect
from aforo.domain.order_states import NEVER_CARRIED_OUT, OrderState
from aforo.flow.decision import HEADEND, Decision, move

WHOLE_PERIOD_AFTER = timedelta(minutes=31)
"""After a limit is verified: a whole quarter of an hour lies behind it then, wherever that began."""

LOOK_AGAIN = timedelta(minutes=30)


class Rung(Enum):
    """How much is known of an order's effect, in rising order; BREACHED contradicts it."""

    NONE = "none"
    DELIVERED = "delivered"
    WRITTEN = "written"
    VERIFIED = "verified"
    EFFECTIVE = "effective"
    BREACHED = "breached"


def rung_of(order: Order, proof: Order | None) -> Rung:
    """proof: the order that proves this one's effect, when there is one."""
    if order.state is OrderState.VERIFIED:
        if proof is not None and proof.state is OrderState.VERIFIED:
            return Rung.EFFECTIVE
        return Rung.BREACHED if proof is not None and proof.cause is Cause.BREACHED else Rung.VERIFIED
    if order.evidence is not None and order.evidence.get("written") is not None:
        return Rung.WRITTEN
    is_there = order.state in (OrderState.IN_PROGRESS, OrderState.RECONCILING, OrderState.UNCONFIRMED)
    return Rung.DELIVERED if is_there else Rung.NONE


def is_proof(order: Order) -> bool:
    return order.kind is PROVE and order.companion_of is not None


def not_to_be_read_yet(order: Order, limiting: Order, in_force_w: int | None, now: datetime) -> Decision | None:
    """limiting: whose effect is to be proved.   in_force_w: the limit that the meter was last verified to hold.

    None: the demand may be read. Else it waits, or ends because there is nothing to prove any more.
    """
    assert limiting.kind.sets is Aspect.LIMIT, "only a limit has an effect to be proved"
    is_given_up = limiting.state is OrderState.UNCONFIRMED and limiting.next_at is None
    if limiting.state in NEVER_CARRIED_OUT or is_given_up:
        return _end(order, limiting, f"order {limiting.number} ended {limiting.state.value}: nothing to prove", now)
    if limiting.state is not OrderState.VERIFIED:
        return _wait(order, now + LOOK_AGAIN, f"order {limiting.number} is {limiting.state.value}", now)
    assert limiting.ended_at is not None, "a verified order has ended"
    if now < limiting.ended_at + WHOLE_PERIOD_AFTER:
        return _wait(order, limiting.ended_at + WHOLE_PERIOD_AFTER, "a whole demand period is to pass", now)
    if in_force_w != limiting.limit_w:
        return _end(order, limiting, f"another limit, {in_force_w} W, is in force", now)
    return None


def _wait(order: Order, until: datetime, why: str, now: datetime) -> Decision:
    fact = Fact(4, now, HEADEND, HEADEND, "ProofAwaited", {"until": until.isoformat(), "why": why})
    return move(order, OrderState.HELD, now, fact, next_at=until)


def _end(order: Order, limiting: Order, why: str, now: datetime) -> Decision:
    payload = {"order": order.number, "by": limiting.number, "reason": why}
    fact = Fact(4, now, HEADEND, HEADEND, "OrderCancelled", payload)
    return move(order, OrderState.CANCELLED, now, fact, cause=Cause.CANCELLED, detail=why, next_at=None)
