"""Step 8's other end: what lies on an outside queue comes into Integration's inbox, once for each id."""

import asyncio
from collections.abc import Callable, Sequence

from aforo.domain.delivery import ResultMessage
from aforo.engine.answer_ports import ResultQueue
from aforo.engine.ports import Clock, DeliveryStore, OrderStore


class ResultInbox:
    """Runs until cancelled. on_message: called when something new lies in the inbox."""

    def __init__(
        self,
        queue: ResultQueue,
        deliveries: DeliveryStore,
        orders: OrderStore,
        *,
        clock: Clock,
        on_message: Callable[[], None],
    ) -> None:
        self._queue = queue
        self._deliveries = deliveries
        self._orders = orders
        self._clock = clock
        self._on_message = on_message

    async def run(self) -> None:
        await self._queue.consume(self._take)

    async def _take(self, messages: Sequence[ResultMessage]) -> None:
        """Those of orders that are not here are another installation's on the same broker, and left aside."""
        are_ours = await asyncio.gather(*(self._is_ours(message) for message in messages))
        ours = [message for message, is_ours in zip(messages, are_ours, strict=True) if is_ours]
        if ours:
            await self._deliveries.put_in_inbox(ours, self._clock.now())
            self._on_message()

    async def _is_ours(self, message: ResultMessage) -> bool:
        order = await self._orders.order(message.order_id)
        data = message.body["data"]
        return order is not None and (order.number, order.request.source) == (data.get("order"), data.get("source"))
