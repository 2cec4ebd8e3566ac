"""What is told of an order beside its own record: its rung on the ladder of proof, when its concentrator was heard."""

from typing import Any

from aforo.domain.order import Order
from aforo.domain.order_kinds import Aspect
from aforo.engine.ports import DeviceRegistry, OrderStore
from aforo.flow.order_asked import PROOF
from aforo.flow.proof_of_effect import rung_of
from aforo.flow.step1_receive_order import companion_number


async def standing_told(orders: OrderStore, registry: DeviceRegistry, order: Order) -> dict[str, Any]:
    """rung: null for an order that sets no limit.   concentrator: null for a meter without one."""
    return {"rung": await _rung(orders, order), "concentrator": await _concentrator(registry, order)}


async def _rung(orders: OrderStore, order: Order) -> str | None:
    if order.kind.sets is not Aspect.LIMIT:
        return None
    proof = await orders.find(order.request.source, companion_number(order, PROOF))
    return rung_of(order, proof).value


async def _concentrator(registry: DeviceRegistry, order: Order) -> dict[str, Any] | None:
    meter = (await registry.meters([order.request.meter])).get(order.request.meter)
    if meter is None or meter.concentrator is None:
        return None
    heard = await registry.last_heard(meter.concentrator)
    return {"number": meter.concentrator, "last_heard": None if heard is None else heard.isoformat()}
