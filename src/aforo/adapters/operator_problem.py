"""What the operator's door tells instead of an answer, and how it finds an order."""

from collections.abc import Sequence
from typing import Any

from aforo.domain.identifiers import OrderNumber, Source
from aforo.domain.order import Order
from aforo.engine.ports import OrderStore


class Problem(Exception):
    """What the caller is told instead of an answer. more: members beyond title and detail."""

    def __init__(self, status: int, es: str, en: str, **more: Any) -> None:
        super().__init__(en)
        self.status = status
        self.es = es
        self.en = en
        self.more = more


def not_here(es: str, en: str, number: str) -> Problem:
    return Problem(404, f"{es} {number}.", f"{en} {number}.")


async def find_order(orders: OrderStore, number: OrderNumber, source: str | None) -> tuple[Order, Sequence[str]]:
    """The latest under this number, and every source that has used it. Raises Problem."""
    found = await orders.find_number(number)
    wanted = [order for order in found if source is None or order.request.source == Source(source)]
    if not wanted:
        raise not_here("No hay ninguna orden", "There is no order", number)
    return wanted[0], [order.request.source for order in found]
