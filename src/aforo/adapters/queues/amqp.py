"""The result queue on AMQP 0-9-1 (RabbitMQ): a durable topic exchange, publisher confirms, acknowledged by hand."""

import asyncio
import re
from collections.abc import Sequence

import aio_pika
from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage
from aio_pika.exceptions import AMQPException
from aiormq.abc import FieldTable

from aforo.adapters.queues.broker_queue import PREFETCH, WAIT_S, BrokerQueue, Send, Take
from aforo.adapters.queues.messages import CONTENT_TYPE, meter_of, octets_of
from aforo.domain.delivery import ResultMessage

EXCHANGE = "aforo.results"
DEAD_EXCHANGE = "aforo.results.dead"
INTEGRATION_QUEUE = "aforo.integration"
DEAD_QUEUE = "aforo.integration.dead"
_NOT_A_WORD = re.compile(r"[^\w-]")


class AmqpQueue(BrokerQueue):
    """Routing key: `result.SOURCE.METER`, so that others bind what concerns them."""

    name = "amqp"
    away = (AMQPException, ConnectionError, OSError, TimeoutError, RuntimeError)
    """RuntimeError: of a channel that was closed under it."""

    _connection: AbstractConnection | None = None
    _exchange: AbstractExchange | None = None

    async def close(self) -> None:
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            await self._quietly(connection.close())

    async def _sender(self) -> Send:
        if self._exchange is None or self._connection is None or self._connection.is_closed:
            await self.close()
            self._connection = await aio_pika.connect(self._url, timeout=WAIT_S)
            self._exchange = await _declare(await self._connection.channel(publisher_confirms=True))
        exchange = self._exchange

        async def send(message: ResultMessage) -> None:
            await exchange.publish(_outgoing(message), routing_key=routing_key(message), mandatory=False)

        return send

    async def _consume(self, take: Take) -> None:
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
            await self._quietly(connection.close())

    async def _take(self, batch: Sequence[AbstractIncomingMessage], take: Take) -> None:
        results, accepted = [], None
        for incoming in batch:
            result = self._result_in(incoming.body)
            if result is None:
                await incoming.reject(requeue=False)
            else:
                results.append(result)
                accepted = incoming
        if accepted is not None:
            await take(results)
            await accepted.ack(multiple=True)


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
