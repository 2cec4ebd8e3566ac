"""What an order's end tells of the meter, as events of IEC 61968-9: from what was read, never guessed."""

from dataclasses import dataclass
from typing import Any

from aforo.domain.causes import CAUSES, Cause, Layer
from aforo.domain.order import Order
from aforo.domain.order_kinds import DISCONNECT, PROVE, RECONNECT, Aspect
from aforo.domain.order_states import OrderState
from aforo.domain.readback import Breaker

LIMIT_CHANGED = "3.15.261.24"
LIMIT_EXCEEDED = "3.15.261.139"
CUT_BY_LIMIT = "3.31.139.68"
DISCONNECTED, RECONNECTED = "3.31.26.68", "3.31.26.42"
UNREACHABLE = "3.1.125.85"
_CLOSED = Breaker.CONNECTED.name.lower()
_OF_SUPPLY = {DISCONNECT.name: DISCONNECTED, RECONNECT.name: RECONNECTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEvent:
    """code: EndDeviceEventType.   at: when it was read, or given up, ISO 8601.

    details: name and value; numbers are watts.
    """

    code: str
    at: str
    details: tuple[tuple[str, str], ...] = ()


def events_of(order: Order) -> tuple[DeviceEvent, ...]:
    """Of an order that has ended. A value read back that was there before is no change."""
    assert order.ended_at is not None, "only an order that has ended tells of its meter"
    evidence = order.evidence or {}
    at = str(evidence.get("read_at") or order.ended_at.isoformat())
    return tuple(DeviceEvent(code=code, at=at, details=details) for code, details in _told(order, evidence))


def _told(order: Order, evidence: dict[str, Any]) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    is_verified = order.state is OrderState.VERIFIED
    if is_verified and order.kind.sets is Aspect.LIMIT:
        before, now = evidence.get("before_w"), evidence.get("threshold_w")
        return [] if before == now else [(LIMIT_CHANGED, _named(before=before, threshold=now))]
    if is_verified and order.kind.name in _OF_SUPPLY:
        return [(_OF_SUPPLY[order.kind.name], ())]
    if is_verified and order.kind is PROVE and evidence.get("breaker") not in (None, "", _CLOSED):
        return [(CUT_BY_LIMIT, _named(limit=order.limit_w))]
    if order.cause is Cause.BREACHED:
        return [(LIMIT_EXCEEDED, _named(limit=order.limit_w, demand=evidence.get("demand_w")))]
    if order.state is OrderState.FAILED and order.cause is not None and CAUSES[order.cause].layer is Layer.LINE:
        return [(UNREACHABLE, _named(cause=order.cause.value))]
    return []


def _named(**values: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(value)) for name, value in values.items() if value is not None)
