"""Decisions become durable here, and nowhere else; then whatever waits for them is woken."""

from collections.abc import Callable, Sequence
from datetime import datetime

from aforo.domain.order import Order
from aforo.engine.ports import OrderStore
from aforo.flow.decision import Decision
from aforo.flow.step8_publish_result import result_message


class OrderBook:
    """The store's two writing calls, with the result of an ended order in the same transaction.

    on_result: called after a result was committed.   on_facts: after every commit.   on_alarm: called with the time
    at which somebody is to be told of an order's deadline.
    on_waiting: called with the lane of an order that waits, and when it is due.
    """

    def __init__(
        self,
        store: OrderStore,
        *,
        on_result: Callable[[], None],
        on_waiting: Callable[[str, datetime], None],
        on_facts: Callable[[], None],
        on_alarm: Callable[[datetime], None],
    ) -> None:
        self.store = store
        self._on_result = on_result
        self._on_facts = on_facts
        self._on_alarm = on_alarm
        self._on_waiting = on_waiting

    async def receive(self, decision: Decision, companions: Sequence[Decision] = ()) -> Order:
        """The order as stored; the earlier one when its number is already known. See `OrderStore.receive`."""
        result = result_message(decision.order, decision.result) if decision.ends else None
        order = await self.store.receive(decision, result, companions)
        self._tell(order, has_result=result is not None)
        for companion in companions:
            self._tell(companion.order, has_result=False)
        return order

    async def commit(self, decision: Decision) -> Order:
        """Raises StaleOrder."""
        result = result_message(decision.order, decision.result) if decision.ends else None
        order = await self.store.commit(decision, result)
        self._tell(order, has_result=result is not None)
        return order

    def note_facts(self) -> None:
        """Facts of an order were written elsewhere: with a delivery."""
        self._on_facts()

    def _tell(self, order: Order, *, has_result: bool) -> None:
        self._on_facts()
        if has_result:
            self._on_result()
        elif order.alarm_at is not None:
            self._on_alarm(order.alarm_at)
        if order.lane and order.next_at is not None:
            self._on_waiting(order.lane, order.next_at)
