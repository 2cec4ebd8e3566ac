"""The result queue on AMQP 0-9-1 (RabbitMQ): a durable topic exchange, publisher confirms, acknowledged by hand.

A connection that is lost is made anew by whoever needs it next; nothing is recovered behind the back of the engine.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence

import aio_pika
from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import AMQPException
from aiormq.abc import FieldTable

from aforo.adapters.queues.messages import (
    CONTENT_TYPE,
    NotAResult,
    message_of,
    meter_of,
    octets_of,
    published_in_order,
)
from aforo.domain.delivery import ResultMessage

EXCHANGE = "aforo.results"
DEAD_EXCHANGE = "aforo.results.dead"
INTEGRATION_QUEUE = "aforo.integration"
DEAD_QUEUE = "aforo.integration.dead"
PREFETCH = 200
WAIT_S = 10.0
REST_S = 1.0
_NOT_A_WORD = re.compile(r"[^\w-]")
_AWAY = (AMQPException, ConnectionError, OSError, TimeoutError, RuntimeError)
"""What the library raises when the broker is away; RuntimeError of a channel that was closed under it."""


class AmqpQueue:
    """A ResultQueue. Routing key: `result.SOURCE.METER`, so that others bind what concerns them."""

    name = "amqp"

    def __init__(self, url: str, report: Callable[[str, BaseException], None]) -> None:
        self._url = url
        self._report = report
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None

    async def publish(self, messages: Sequence[ResultMessage]) -> Sequence[str]:
        try:
            async with asyncio.timeout(WAIT_S):
                exchange = await self._open_exchange()
        except _AWAY as away:
            await self._lost(away)
            return ()
        lost: list[BaseException] = []

        async def one(message: ResultMessage) -> bool:
            try:
                async with asyncio.timeout(WAIT_S):
                    await exchange.publish(_outgoing(message), routing_key=routing_key(message), mandatory=False)
            except _AWAY as away:
                lost.append(away)
                return False
            return True

        confirmed = await published_in_order(messages, one)
        if lost:
            await self._lost(lost[0])
        return confirmed

    async def consume(self, take: Callable[[Sequence[ResultMessage]], Awaitable[None]]) -> None:
        """Until cancelled. take: durable when it returns; what it raises leaves the messages on the queue."""
        while True:
            try:
                await self._consume(take)
            except Exception as wrong:  # noqa: BLE001 (the queue or the database is away; both come back)
                self._report("result queue", wrong)
                await asyncio.sleep(REST_S)

    async def close(self) -> None:
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            await _quietly(connection)

    async def _consume(self, take: Callable[[Sequence[ResultMessage]], Awaitable[None]]) -> None:
        connection = await aio_pika.connect(self._url, timeout=WAIT_S)
        try:
            channel = await connection.channel(publisher_confirms=False)
            await channel.set_qos(prefetch_count=PREFETCH)
            await _declare(channel)
            queue = await channel.get_queue(INTEGRATION_QUEUE, ensure=False)
            arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
            channel.close_callbacks.add(lambda *_: arrived.put_nowait(None))
            await queue.consume(arrived.put)
            while True:
                batch = await _batch(arrived)
                if batch is None:
                    raise ConnectionError("the broker has closed the channel")
                await self._take(batch, take)
        finally:
            await _quietly(connection)

    async def _take(
        self, batch: Sequence[AbstractIncomingMessage], take: Callable[[Sequence[ResultMessage]], Awaitable[None]]
    ) -> None:
        results, accepted = [], None
        for incoming in batch:
            try:
                results.append(message_of(incoming.body))
                accepted = incoming
            except NotAResult as wrong:
                self._report("result queue", wrong)
                await incoming.reject(requeue=False)
        if accepted is not None:
            await take(results)
            await accepted.ack(multiple=True)

    async def _open_exchange(self) -> AbstractExchange:
        if self._exchange is None or self._connection is None or self._connection.is_closed:
            await self.close()
            self._connection = await aio_pika.connect(self._url, timeout=WAIT_S)
            channel = await self._connection.channel(publisher_confirms=True)
            self._exchange = await _declare(channel)
        return self._exchange

    async def _lost(self, away: BaseException) -> None:
        self._report("result queue", away)
        await self.close()


def routing_key(message: ResultMessage) -> str:
    """A word of a routing key has no dot and no wildcard."""
    source = str(message.body["data"].get("source", ""))
    words = (_NOT_A_WORD.sub("_", word)[:80] or "_" for word in (source, meter_of(message)))
    return ".".join(("result", *words))


def _outgoing(message: ResultMessage) -> Message:
    return Message(
        octets_of(message),
        message_id=message.id,
        content_type=CONTENT_TYPE,
        type=str(message.body["type"]),
        app_id="aforo",
        delivery_mode=DeliveryMode.PERSISTENT,
    )


async def _declare(channel: AbstractChannel) -> AbstractExchange:
    """All of it, every time, by whoever comes first: a message published before anybody listens is kept."""
    exchange = await channel.declare_exchange(EXCHANGE, ExchangeType.TOPIC, durable=True)
    dead = await channel.declare_exchange(DEAD_EXCHANGE, ExchangeType.FANOUT, durable=True)
    dead_queue = await channel.declare_queue(DEAD_QUEUE, durable=True)
    await dead_queue.bind(dead)
    arguments: FieldTable = {"x-dead-letter-exchange": DEAD_EXCHANGE}
    queue = await channel.declare_queue(INTEGRATION_QUEUE, durable=True, arguments=arguments)
    await queue.bind(exchange, routing_key="result.#")
    return exchange


async def _batch(arrived: "asyncio.Queue[AbstractIncomingMessage | None]") -> list[AbstractIncomingMessage] | None:
    """What has arrived, one at least. None: the channel is closed."""
    first = await arrived.get()
    if first is None:
        return None
    batch = [first]
    while len(batch) < PREFETCH and not arrived.empty():
        following = arrived.get_nowait()
        if following is None:
            return None
        batch.append(following)
    return batch


async def _quietly(connection: AbstractConnection) -> None:
    try:
        async with asyncio.timeout(WAIT_S):
            await connection.close()
    except _AWAY:
        return
