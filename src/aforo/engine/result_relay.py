"""Step 8 at work: results leave the outbox for the queue, at least once, the oldest first."""

import asyncio
from collections.abc import Callable, Sequence

from aforo.domain.delivery import ResultMessage
from aforo.engine.answer_ports import Publisher
from aforo.engine.listeners import Listeners, telling_of_doubt
from aforo.engine.ports import Clock, DeliveryStore, StoreUnavailable
from aforo.flow.step8_publish_result import published

BATCH_MAX = 500
REST_S = 1.0
"""Before the next try when the queue or the database is away, or has not confirmed everything."""


class EmbeddedQueue:
    """The queue of a single installation: Integration's inbox in the same database. A Publisher.

    on_message: called when something new lies in the inbox.
    """

    name = "embedded"

    def __init__(self, deliveries: DeliveryStore, clock: Clock, on_message: Callable[[], None]) -> None:
        self._deliveries = deliveries
        self._clock = clock
        self._on_message = on_message

    async def publish(self, messages: Sequence[ResultMessage]) -> Sequence[str]:
        await self._deliveries.put_in_inbox(messages, self._clock.now())
        self._on_message()
        return [message.id for message in messages]


class ResultRelay:
    """Runs until cancelled. wake: a result was committed."""

    def __init__(
        self,
        deliveries: DeliveryStore,
        publisher: Publisher,
        *,
        queue: str,
        clock: Clock,
        listeners: Listeners,
    ) -> None:
        self._wrote = listeners.wrote
        self._deliveries = deliveries
        self._publisher = publisher
        self._queue = queue
        self._clock = clock
        self._report = listeners.report
        self._look = asyncio.Event()

    def wake(self) -> None:
        self._look.set()

    async def run(self) -> None:
        while True:
            self._look.clear()
            try:
                while await self._publish_batch():
                    pass
            except StoreUnavailable as away:
                self._report("result relay", away)
                await asyncio.sleep(REST_S)
                continue
            await self._look.wait()

    async def _publish_batch(self) -> bool:
        """False: the outbox is empty."""
        messages = await self._deliveries.outbox(BATCH_MAX)
        if not messages:
            return False
        confirmed = set(await self._publisher.publish(messages))
        now = self._clock.now()
        marked = {
            message.id: (message.order_id, published(message, self._queue, now))
            for message in messages
            if message.id in confirmed
        }
        with telling_of_doubt(lambda: self._wrote(())):
            await self._deliveries.mark_published(marked)
        self._wrote(list(marked.values()))
        if len(confirmed) < len(messages):
            await asyncio.sleep(REST_S)
        return True
