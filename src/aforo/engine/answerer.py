"""Step 9 at work: what lies in Integration's inbox is sent to the commercial system until it acknowledges."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aforo.cim.control_response import ControlResponse, response_envelope
from aforo.cim.dialect import Dialects
from aforo.cim.translation import answer_envelope
from aforo.domain.delivery import Delivery, ResultMessage
from aforo.domain.order import Fact, Order
from aforo.engine.answer_ports import LegacyDoor
from aforo.engine.listeners import Listeners, telling_of_doubt
from aforo.engine.ports import Clock, DeliveryStore, OrderStore, StoreUnavailable
from aforo.flow import step9_reply_to_legacy as step9
from aforo.flow.webhook import WEBHOOK, webhook_body, webhook_headers

UNDER_WAY_MAX = 256
"""Answers looked up, sent or noted at the same time; with fewer than half of them under way, more are begun."""

POSTS_MAX = 16
"""At the same time, whatever the addresses: a commercial system is not to be flooded by us."""

SLEEP_MAX = timedelta(minutes=10)
REST_S = 1.0


@dataclass(frozen=True, slots=True)
class AnswerWay:
    """How answers leave: by which door, and written how.   secret_of: with which a source's webhooks are signed."""

    door: LegacyDoor
    dialects: Dialects
    secret_of: Callable[[str], bytes] = lambda _: b""


class Answerer:
    """Runs until cancelled. wake: something new lies in the inbox."""

    def __init__(
        self,
        deliveries: DeliveryStore,
        orders: OrderStore,
        way: AnswerWay,
        *,
        clock: Clock,
        listeners: Listeners,
    ) -> None:
        self._dialects = way.dialects
        self._secret_of = way.secret_of
        self._wrote = listeners.wrote
        self._deliveries = deliveries
        self._orders = orders
        self._door = way.door
        self._clock = clock
        self._report = listeners.report
        self._look = asyncio.Event()
        self._room = asyncio.Semaphore(POSTS_MAX)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._may_be_more = False

    async def _send_to(self, address: str, order: Order, message: ResultMessage) -> str:
        """As the order wants to be answered; see LegacyDoor."""
        request = order.request
        if request.dialect == WEBHOOK:
            body, secret = webhook_body(message), self._secret_of(request.source)
            headers = webhook_headers(message, body, secret, self._clock.now())
            return await self._door.post(address, body, headers, traceparent=request.traceparent)
        envelope = self._envelope(step9.answer(order, message), request.dialect)
        return await self._door.post(address, envelope, traceparent=request.traceparent)

    def _envelope(self, answer: ControlResponse, name: str) -> bytes:
        """A dialect that is no longer known, its file being gone, is answered in our own form."""
        dialect = self._dialects.by_name.get(name)
        return response_envelope(answer) if dialect is None else answer_envelope(answer, dialect)

    def wake(self) -> None:
        self._look.set()

    async def run(self) -> None:
        try:
            while True:
                self._look.clear()
                try:
                    await self._send_due()
                except StoreUnavailable as away:
                    self._report("answers", away)
                    await asyncio.sleep(REST_S)
        finally:
            tasks = list(self._under_way.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_due(self) -> None:
        """Begin with what is due and not under way, then wait for the next, or to be woken."""
        now = self._clock.now()
        if len(self._under_way) <= UNDER_WAY_MAX // 2:
            await self._begin_due(now)
        next_due = await self._deliveries.next_answer_due(now)
        wait = SLEEP_MAX if next_due is None else min(next_due - self._clock.now(), SLEEP_MAX)
        try:
            async with asyncio.timeout(max(0.0, wait.total_seconds())):
                await self._look.wait()
        except TimeoutError:
            return

    async def _begin_due(self, now: datetime) -> None:
        due = await self._deliveries.inbox_due(now, UNDER_WAY_MAX)
        self._may_be_more = len(due) == UNDER_WAY_MAX
        for delivery in due:
            if delivery.message.id not in self._under_way:
                task = asyncio.get_running_loop().create_task(self._send(delivery), name=delivery.message.id)
                self._under_way[delivery.message.id] = task

    async def _send(self, delivery: Delivery) -> None:
        is_closed = False
        try:
            is_closed = await self._answer(delivery)
        except Exception as wrong:  # noqa: BLE001 (one answer's error must not stop the others; it is reported)
            self._report(f"answer {delivery.message.id}", wrong)
            await asyncio.sleep(REST_S)
        finally:
            del self._under_way[delivery.message.id]
            if not is_closed or self._may_be_more or len(self._under_way) == UNDER_WAY_MAX // 2:
                self._look.set()  # due again at a time that was not known, or others had no room to begin

    async def _answer(self, delivery: Delivery) -> bool:
        """True: answered or kept. False: due again."""
        order = await self._orders.order(delivery.message.order_id)
        assert order is not None, "a result belongs to an order, and orders are never deleted"
        address = order.request.reply_address
        if address is None:
            closed, fact = step9.kept(delivery, "no address to answer to", self._clock.now())
            await self._close(closed, fact)
            return True
        async with self._room:
            why = await self._send_to(address, order, delivery.message)
        now = self._clock.now()
        if not why:
            await self._close(*step9.answered(order, delivery, address, now))
            return True
        standing, delayed = step9.not_answered(delivery, address, why, now)
        await self._close(standing, delayed)
        return standing.next_at is None

    async def _close(self, delivery: Delivery, fact: Fact | None) -> None:
        with telling_of_doubt(lambda: self._wrote(())):
            await self._deliveries.close_delivery(delivery, fact)
        self._wrote(() if fact is None else ((delivery.message.order_id, fact),))
