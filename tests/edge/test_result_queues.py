"""The result queue on real brokers: nothing is lost when one is killed in mid-stream, and a repeat has the same id."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import aio_pika
import nats
import pytest

from aforo.adapters.queues import UnknownQueue, check_url, queue_at
from aforo.adapters.queues.amqp import DEAD_QUEUE, EXCHANGE, routing_key
from aforo.adapters.queues.jetstream import DEAD_STREAM, subject_of
from aforo.adapters.queues.messages import NotAResult, message_of, octets_of, published_in_order
from aforo.domain.delivery import ResultMessage
from aforo.domain.identifiers import OrderId
from aforo.engine.answer_ports import ResultQueue
from aforo.simulator.town_plan import MeterPlan, TownPlan
from architecture.test_house import ROOT
from brokers import RABBIT, Broker, Nats, Rabbit, with_nats
from edge.live_system import live_scene
from edge.soap_situations import bound_socket

MESSAGES, METERS, BATCH = 3000, 50, 100
BROKERS = [
    pytest.param(Rabbit, marks=pytest.mark.skipif(RABBIT is None, reason="there is no rabbitmq-server here")),
    pytest.param(Nats, marks=with_nats),
]


def a_message(number: int) -> ResultMessage:
    data = {"order": f"OS-{number}", "source": "CIS", "meter": f"M.{number % METERS} *", "state": "VERIFIED"}
    data["cause"] = ""
    body = {"specversion": "1.0", "id": f"{number}-1", "type": "aforo.order.ended", "subject": f"OS-{number}"}
    return ResultMessage(f"{number}-1", OrderId(number), {**body, "time": "2026-11-26T12:00:00+00:00", "data": data})


@pytest.fixture
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    with bound_socket() as listener:
        port = listener.getsockname()[1]
    running: Broker = request.param(tmp_path, port)
    running.start()
    yield running
    running.kill()


class Ends:
    """Both ends of one queue: what is to be published, and what has arrived, repeats included."""

    def __init__(self, url: str) -> None:
        self.reports: list[str] = []
        self.publisher, self.consumer = (queue_at(url, self._report) for _ in range(2))
        self.arrived: list[ResultMessage] = []
        self.refuses = 0

    def _report(self, who: str, wrong: BaseException) -> None:
        self.reports.append(f"{who}: {type(wrong).__name__}")

    async def take(self, messages: Sequence[ResultMessage]) -> None:
        if self.refuses:
            self.refuses -= 1
            raise ConnectionError("the database is away")
        self.arrived += messages

    async def publish_all(self, messages: Sequence[ResultMessage]) -> None:
        """As the relay does: the oldest first, again and again until each is confirmed."""
        waiting = {message.id: message for message in messages}
        while waiting:
            confirmed = await self.publisher.publish(list(waiting.values())[:BATCH])
            for result_id in confirmed:
                del waiting[result_id]
            if not confirmed:
                await asyncio.sleep(0.2)

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len({message.id for message in self.arrived}) < count:  # noqa: ASYNC110 (it arrives by itself)
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def both_ends(url: str) -> AsyncIterator[Ends]:
    ends = Ends(url)
    consuming = asyncio.ensure_future(ends.consumer.consume(ends.take))
    try:
        yield ends
    finally:
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)
        await ends.publisher.close()


@pytest.mark.parametrize("broker", BROKERS, indirect=True)
async def test_a_broker_killed_in_mid_stream_loses_nothing_and_keeps_the_order_of_each_meter(broker: Broker) -> None:
    messages = [a_message(number) for number in range(1, MESSAGES + 1)]
    async with both_ends(broker.url) as ends:
        publishing = asyncio.ensure_future(ends.publish_all(messages))
        await ends.wait_for(MESSAGES // 4)
        await asyncio.to_thread(broker.kill)
        await asyncio.sleep(0)
        await asyncio.to_thread(broker.start)
        await publishing
        await ends.wait_for(MESSAGES)

    by_id = {message.id: message for message in messages}
    assert {message.id for message in ends.arrived} == set(by_id)
    assert all(message == by_id[message.id] for message in ends.arrived)
    for meter in range(METERS):
        firsts = list(dict.fromkeys(int(one.order_id) for one in ends.arrived if one.order_id % METERS == meter))
        assert firsts == sorted(firsts)
    assert ends.reports


@pytest.mark.parametrize("broker", BROKERS, indirect=True)
async def test_what_could_not_be_stored_comes_again_and_in_order(broker: Broker) -> None:
    messages = [a_message(number * METERS) for number in range(1, 21)]
    async with both_ends(broker.url) as ends:
        ends.refuses = 2
        await ends.publish_all(messages)
        await ends.wait_for(len(messages))

    firsts = list(dict.fromkeys(int(message.order_id) for message in ends.arrived))
    assert firsts == sorted(firsts)
    assert ends.reports.count("result queue: ConnectionError") == 2


@pytest.mark.parametrize("broker", BROKERS, indirect=True)
async def test_what_is_no_result_goes_to_the_dead_letters_and_stops_nothing(broker: Broker) -> None:
    async with both_ends(broker.url) as ends:
        await ends.publish_all([a_message(1)])
        await publish_rubbish(broker, b"{}")
        await ends.publish_all([a_message(2)])
        await ends.wait_for(2)
        dead = await dead_letters(broker)

    assert dead == [b"{}"]
    assert [message.id for message in ends.arrived] == ["1-1", "2-1"]


@pytest.mark.parametrize("broker", BROKERS[:1], indirect=True)
async def test_the_example_consumer_takes_each_result_once(broker: Broker, tmp_path: Path) -> None:
    script = ROOT / "examples" / "consumer" / "consume_results.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), broker.url, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with both_ends(broker.url) as ends, asyncio.timeout(30):
        told: list[bytes] = []
        await ends.publish_all([a_message(1)])
        while not (tmp_path / "seen-results.txt").exists():  # its queue is bound by then
            await ends.publish_all([a_message(1)])
            await asyncio.sleep(0.1)
        await ends.publish_all([a_message(1), a_message(2)])
        told += [await process.stdout.readline() for _ in range(2)]
    process.terminate()
    await process.wait()

    assert [line.split()[1] for line in told] == [b"OS-1", b"OS-2"]
    assert (tmp_path / "seen-results.txt").read_text().split() == ["1-1", "2-1"]


async def publish_rubbish(broker: Broker, octets: bytes) -> None:
    if isinstance(broker, Nats):
        client = await nats.connect(broker.url)
        await client.jetstream().publish("aforo.results.CIS.M-1", octets)
        await client.close()
        return
    async with await aio_pika.connect(broker.url) as connection:
        exchange = await (await connection.channel()).get_exchange(EXCHANGE)
        await exchange.publish(aio_pika.Message(octets), routing_key="result.CIS.M-1")


async def dead_letters(broker: Broker) -> list[bytes]:
    async with asyncio.timeout(20):
        if isinstance(broker, Nats):
            client = await nats.connect(broker.url)
            subscription = await client.jetstream().subscribe("aforo.dead.results", stream=DEAD_STREAM)
            message = await subscription.next_msg(timeout=10)
            await client.close()
            return [message.data]
        async with await aio_pika.connect(broker.url) as connection:
            queue = await (await connection.channel()).get_queue(DEAD_QUEUE)
            while (found := await queue.get(fail=False)) is None:  # noqa: ASYNC110 (the broker does not tell)
                await asyncio.sleep(0.05)
            await found.ack()
            return [found.body]


@pytest.mark.parametrize("broker", BROKERS, indirect=True)
async def test_an_order_goes_through_all_nine_steps_over_the_broker(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFORO_QUEUE_URL", broker.url)
    async with live_scene(tmp_path / "data", TownPlan(name="one", meter=(MeterPlan(number="301"),))) as scene:
        assert await scene.send("301", 2500) == "0.3"
        answer = await scene.answer()
        facts = (await scene.system.order("OS-301"))["facts"]

    assert answer.error.code == "0.0"
    (published,) = [fact for fact in facts if fact["name"] == "ResultPublished"]
    assert published["payload"]["queue"] in ("amqp", "jetstream")
    assert broker.url.split("@")[-1] not in json.dumps(facts)


@pytest.mark.parametrize("url", ["http://secret@127.0.0.1", "amqp://", "kafka://secret@h", "nats:secret"])
def test_a_queue_that_is_none_is_refused_without_repeating_its_address(url: str) -> None:
    with pytest.raises(UnknownQueue) as refused:
        check_url(url)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "x-1"},
        {"id": "1"},
        {"id": f"{'9' * 20}-1"},
        {"id": 1},
        {"data": None},
        {"data": {"state": 1}},
        {"time": 5},
        {"data": {"state": "VERIFIED", "meter": "x" * 300_000}},
    ],
)
def test_what_is_not_one_of_our_results_is_told_apart(changes: dict[str, Any]) -> None:
    octets = json.dumps({**a_message(1).body, **changes}).encode()

    with pytest.raises(NotAResult):
        message_of(octets)


def test_a_result_comes_back_as_it_was_sent_and_its_key_has_no_wildcard() -> None:
    message = a_message(7)

    assert message_of(octets_of(message)) == message
    assert routing_key(message) == "result.CIS.M_7__"
    assert subject_of(message) == "aforo.results.CIS.M_7__"


async def test_none_of_a_meter_is_published_after_one_that_was_not() -> None:
    tried = []

    async def publish(message: ResultMessage) -> bool:
        tried.append(message.id)
        return message.id != "1-1"

    messages = [a_message(number) for number in (1, 2, 1 + METERS)]

    assert await published_in_order(messages, publish) == ["2-1"]
    assert tried == ["1-1", "2-1"]


def test_both_are_result_queues() -> None:
    queues: list[ResultQueue] = [queue_at(f"{scheme}://127.0.0.1", lambda *_: None) for scheme in ("amqp", "nats")]

    assert [queue.name for queue in queues] == ["amqp", "jetstream"]
