"""Which rung of the ladder of proof an order stands on, for those who ask about it."""

from aforo.domain.order import Order
from aforo.domain.order_kinds import Aspect
from aforo.engine.ports import OrderStore
from aforo.flow.proof_of_effect import rung_of
from aforo.flow.step1_receive_order import PROOF, companion_number


async def rung_told(orders: OrderStore, order: Order) -> str | None:
    """None for an order that sets no limit."""
    if order.kind.sets is not Aspect.LIMIT:
        return None
    proof = await orders.find(order.request.source, companion_number(order, PROOF))
    return rung_of(order, proof).value
