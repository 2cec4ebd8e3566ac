"""The result queue on NATS JetStream: a stream kept on disk, one durable consumer, acknowledged by hand."""

import asyncio
import re
from collections.abc import Sequence

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from aforo.adapters.queues.broker_queue import PREFETCH, WAIT_S, BrokerQueue, Send, Take
from aforo.adapters.queues.messages import CONTENT_TYPE, meter_of, octets_of
from aforo.domain.delivery import ResultMessage

STREAM = "AFORO_RESULTS"
DEAD_STREAM = "AFORO_DEAD"
SUBJECTS, DEAD_SUBJECT = "aforo.results.>", "aforo.dead.results"
CONSUMER = "aforo-integration"
_NOT_A_TOKEN = re.compile(r"[^\w-]")


class JetStreamQueue(BrokerQueue):
    """Subject: `aforo.results.SOURCE.METER`."""

    name = "jetstream"
    away = (NatsError, ConnectionError, OSError, TimeoutError)
    _client: Client | None = None
    _stream: JetStreamContext | None = None

    async def close(self) -> None:
        client, self._client, self._stream = self._client, None, None
        if client is not None:
            await self._quietly(client.close())

    async def _sender(self) -> Send:
        if self._stream is None or self._client is None or self._client.is_closed:
            await self.close()
            self._client = await self._connect()
            self._stream = self._client.jetstream(timeout=WAIT_S)
            await _declare(self._stream)
        stream = self._stream

        async def send(message: ResultMessage) -> None:
            headers = {"Nats-Msg-Id": message.id, "Content-Type": CONTENT_TYPE}
            await stream.publish(subject_of(message), octets_of(message), timeout=WAIT_S, headers=headers)

        return send

    async def _consume(self, take: Take) -> None:
        client = await self._connect()
        try:
            stream = client.jetstream(timeout=WAIT_S)
            await _declare(stream)
            subscription = await _subscribe(stream)
            while True:
                try:
                    batch = await subscription.fetch(PREFETCH, timeout=WAIT_S)
                except TimeoutError:
                    if client.is_closed or not client.is_connected:
                        raise
                    continue
                await self._take(stream, batch, take)
        finally:
            await self._quietly(client.close())

    async def _take(self, stream: JetStreamContext, batch: Sequence[Msg], take: Take) -> None:
        results = []
        for incoming in batch:
            result = self._result_in(incoming.data)
            if result is None:
                await stream.publish(DEAD_SUBJECT, incoming.data, timeout=WAIT_S)
                await incoming.term()
            else:
                results.append(result)
        if results:
            await take(results)
        for incoming in batch:
            if not incoming.is_acked:
                await incoming.ack()

    async def _connect(self) -> Client:
        async with asyncio.timeout(WAIT_S):
            return await nats.connect(self._url, allow_reconnect=False, connect_timeout=5, error_cb=self._told)

    async def _told(self, wrong: Exception) -> None:
        self._report("result queue", wrong)


def subject_of(message: ResultMessage) -> str:
    """A token of a subject has no dot, space or wildcard."""
    source = str(message.body["data"].get("source", ""))
    tokens = (_NOT_A_TOKEN.sub("_", token)[:80] or "_" for token in (source, meter_of(message)))
    return ".".join(("aforo.results", *tokens))


async def _declare(stream: JetStreamContext) -> None:
    """Kept for a week, so that who listens later may ask for what was; a full stream refuses what is new."""
    for name, subject in ((STREAM, SUBJECTS), (DEAD_STREAM, DEAD_SUBJECT)):
        try:
            await stream.stream_info(name)
        except NotFoundError:
            config = StreamConfig(
                name=name,
                subjects=[subject],
                storage=StorageType.FILE,
                retention=RetentionPolicy.LIMITS,
                discard=DiscardPolicy.NEW,
                max_age=7 * 24 * 3600,
                max_bytes=1024**3,
                duplicate_window=120,
            )
            await stream.add_stream(config)


async def _subscribe(stream: JetStreamContext) -> JetStreamContext.PullSubscription:
    """From behind the last that was acknowledged without a gap, whatever was under way when the last one ended.

    Were its consumer used on, what it had not acknowledged would come half a minute later, behind what follows it.
    """
    config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, max_ack_pending=PREFETCH)
    try:
        known = await stream.consumer_info(STREAM, CONSUMER)
    except NotFoundError:
        pass
    else:
        floor = known.ack_floor.stream_seq if known.ack_floor is not None else 0
        await stream.delete_consumer(STREAM, CONSUMER)
        config.deliver_policy, config.opt_start_seq = DeliverPolicy.BY_START_SEQUENCE, floor + 1
    return await stream.pull_subscribe(SUBJECTS, durable=CONSUMER, stream=STREAM, config=config)
