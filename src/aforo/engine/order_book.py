"""Decisions become durable here, and nowhere else; then whatever waits for them is woken."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aforo.domain.identifiers import OrderId
from aforo.domain.order import Fact, Order
from aforo.engine.listeners import Nobody, Observer, telling_of_doubt
from aforo.engine.ports import OrderStore
from aforo.flow.decision import Decision
from aforo.flow.step8_publish_result import result_message


def _nothing(*_: object) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BookCalls:
    """Who is woken. on_result: called after a result was committed.   on_facts: after every commit.   on_alarm: called
    with the time at which somebody is to be told of an order's deadline.   on_waiting: with the lane of an order that
    waits, and when it is due.   observer: told of every decision.
    """

    on_result: Callable[[], None] = _nothing
    on_waiting: Callable[[str, datetime], None] = _nothing
    on_facts: Callable[[], None] = _nothing
    on_alarm: Callable[[datetime], None] = _nothing
    observer: Observer = field(default_factory=Nobody)


class OrderBook:
    """The store's two writing calls, with the result of an ended order in the same transaction."""

    def __init__(self, store: OrderStore, calls: BookCalls) -> None:
        self.store = store
        self._calls = calls

    async def receive(self, decision: Decision, companions: Sequence[Decision] = ()) -> Order:
        """The order as stored; the earlier one when its number is already known. See `OrderStore.receive`."""
        result = result_message(decision.order, decision.result) if decision.ends else None
        with telling_of_doubt(lambda: self._tell(decision.order, has_result=result is not None)):
            order = await self.store.receive(decision, result, companions)
        self._tell(order, has_result=result is not None)
        if order.id != decision.order.id:
            return order
        self._calls.observer.decided(decision)
        for companion in companions:
            self._calls.observer.decided(companion)
            self._tell(companion.order, has_result=False)
        return order

    async def commit(self, decision: Decision) -> Order:
        """Raises StaleOrder."""
        result = result_message(decision.order, decision.result) if decision.ends else None
        with telling_of_doubt(lambda: self._tell(decision.order, has_result=result is not None)):
            order = await self.store.commit(decision, result)
        self._calls.observer.decided(decision)
        self._tell(order, has_result=result is not None)
        return order

    def note_facts(self, facts: Sequence[tuple[OrderId, Fact]]) -> None:
        """Facts of an order were written elsewhere: with a delivery."""
        self._calls.on_facts()
        self._calls.observer.written(facts)

    def _tell(self, order: Order, *, has_result: bool) -> None:
        self._calls.on_facts()
        if has_result:
            self._calls.on_result()
        elif order.alarm_at is not None:
            self._calls.on_alarm(order.alarm_at)
        if order.lane and order.next_at is not None:
            self._calls.on_waiting(order.lane, order.next_at)
