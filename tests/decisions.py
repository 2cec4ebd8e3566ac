"""Decisions about the orders of `cases`, and what a store is asked to keep with them."""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from aforo.domain.delivery import ResultMessage
from aforo.domain.identifiers import Fence, MeterNumber, OrderNumber
from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState
from aforo.engine.ports import OrderStore
from aforo.flow.decision import CONCENTRATOR, HEADEND, Decision
from cases import WEDNESDAY, a_request, an_order

EVIDENCE = {"before": 9000, "written": 2500, "threshold": 2500, "scaler": 0}


def a_fact(name: str = "OrderDispatched", *, step: int = 4, at: datetime = WEDNESDAY, **payload: Any) -> Fact:
    return Fact(step, at, HEADEND, CONCENTRATOR, name, payload)


def a_result(order: Order, number: int = 1) -> ResultMessage:
    return ResultMessage(f"{order.id}-{number}", order.id, {"subject": order.number, "data": {"limit": 2500}})


def standing(order: Order, state: OrderState, **changes: Any) -> Order:
    """The order in another state, with what the store demands of that state."""
    is_out = state in (OrderState.DISPATCHED, OrderState.IN_PROGRESS)
    given: dict[str, Any] = {
        "state": state,
        "next_at": None if is_out or state.is_end else WEDNESDAY,
        "fence": Fence(7) if state.may_have_left else order.fence,
        "evidence": EVIDENCE if state is OrderState.VERIFIED else None,
        "ended_at": WEDNESDAY if state.is_end else None,
    }
    return replace(order, **{**given, **changes})


async def stored(
    store: OrderStore, number: str = "OS-1", *, meter: str = "M-1", state: OrderState | None = None, **changes: Any
) -> Order:
    """A new order, received; then brought into the state, if one is given. changes: priority or source, else of it."""
    asked = {name: changes.pop(name) for name in ("priority", "source") if name in changes}
    request = a_request(number=OrderNumber(number), meter=MeterNumber(meter), digest=number, **asked)
    order = an_order(id=await store.new_order_id(), version=0, request=request)
    in_lane = {"lane": changes["lane"]} if "lane" in changes else {}
    order = await store.receive(Decision(replace(order, **in_lane), (a_fact("OrderReceived", step=1),)), None)
    if state is None and not changes:
        return order
    return await store.commit(Decision(standing(order, state or order.state, **changes), (a_fact(),)))
