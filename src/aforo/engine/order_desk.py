"""What people may do to an order: cancel or approve one that waits, report the field work of one that failed.

Whatever is decided meanwhile is looked at anew.
"""

from collections.abc import Callable

from aforo.domain.identifiers import OrderId
from aforo.domain.order import Order
from aforo.engine.order_book import OrderBook
from aforo.engine.ports import Clock, StaleOrder
from aforo.flow.decision import Decision
from aforo.flow.field_work import FieldReport, is_for_the_field, report_field_work
from aforo.flow.waiting_order import approve, awaits_approval, can_be_cancelled, cancel, supersede

DECISIONS_MAX = 5


class TooLate(Exception):
    """What is asked for is no longer possible, or not yet. order: as it stands."""

    def __init__(self, order: Order) -> None:
        super().__init__(f"order {order.number} is {order.state.value}")
        self.order = order


class SamePerson(Exception):
    """An approval takes two."""


class OrderDesk:
    def __init__(self, book: OrderBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock

    async def cancel(self, order_id: OrderId, *, by: str, reason: str) -> Order:
        """Durable, and on its way to the commercial system, when it returns. Raises TooLate."""

        def decide(order: Order) -> Decision:
            if not can_be_cancelled(order):
                raise TooLate(order)
            return cancel(order, by=by, reason=reason, now=self._clock.now())

        return await self._decide(order_id, decide)

    async def approve(self, order_id: OrderId, *, by: str) -> Order:
        """Raises TooLate when it does not wait for that, SamePerson when it was ordered under this name."""

        def decide(order: Order) -> Decision:
            if not awaits_approval(order):
                raise TooLate(order)
            if by == order.request.source:
                raise SamePerson(f"{by} ordered it")
            return approve(order, by=by, now=self._clock.now())

        return await self._decide(order_id, decide)

    async def report_field_work(self, order_id: OrderId, report: FieldReport) -> Order:
        """Raises TooLate when the order is not one for the field."""

        def decide(order: Order) -> Decision:
            if not is_for_the_field(order):
                raise TooLate(order)
            return report_field_work(order, report, self._clock.now())

        return await self._decide(order_id, decide)

    async def _decide(self, order_id: OrderId, decision_on: Callable[[Order], Decision]) -> Order:
        for _ in range(DECISIONS_MAX):
            order = await self._book.store.order(order_id)
            assert order is not None, "an order is never deleted"
            try:
                return await self._book.commit(decision_on(order))
            except StaleOrder:
                continue
        raise StaleOrder(f"order {order_id} was changed {DECISIONS_MAX} times while it was decided about")

    async def supersede_older(self, order: Order) -> None:
        """Older orders for the meter that were never sent end now. One that is just being sent is left to its session,
        which looks for later orders once more before it sends.
        """
        if order.kind.sets is None:
            return
        for older in await self._book.store.older_unsent(order):
            try:
                await self._book.commit(supersede(older, order.number, self._clock.now()))
            except StaleOrder:
                continue
