"""ResultRelay: every committed result reaches the queue, at least once, and its passage is noted once."""

import asyncio
from collections.abc import Sequence

from aforo.domain.delivery import ResultMessage
from aforo.domain.order_states import OrderState
from aforo.engine.listeners import Listeners
from aforo.engine.ports import StoreUnavailable
from aforo.engine.result_relay import BATCH_MAX, EmbeddedQueue, ResultRelay
from unit.engine.engine_situations import HeadEnd, running, second
from unit.engine.virtual_time import in_virtual_time


class Queue:
    """confirms: which of the messages it is given; all of them at first.   is_away: as when a database is."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[str]]] = []
        self.confirms = 1_000_000
        self.is_away = False

    async def publish(self, messages: Sequence[ResultMessage]) -> Sequence[str]:
        ids = [message.id for message in messages]
        self.batches.append((round(asyncio.get_running_loop().time()), ids))
        if self.is_away:
            raise StoreUnavailable("away")
        return ids[: self.confirms]


def a_relay(headend: HeadEnd, queue: Queue) -> ResultRelay:
    relay = ResultRelay(
        headend.deliveries, queue, queue="q", clock=headend.clock, listeners=Listeners(headend.reports, lambda: None)
    )
    headend.on_result = relay.wake
    return relay


def test_a_result_is_published_as_soon_as_it_is_committed() -> None:
    async def scene() -> None:
        headend, queue = HeadEnd(), Queue()
        async with running(a_relay(headend, queue).run()):
            await second(5)
            order = await headend.order(state=OrderState.REFUSED)
            await second(3600)

        assert queue.batches == [(5, ["1-1"])]
        assert (await headend.facts_of(order))[-1] == "ResultPublished"
        assert await headend.deliveries.outbox(10) == []

    in_virtual_time(scene())


def test_what_lay_in_the_outbox_at_the_start_goes_first_the_oldest_in_front_and_in_batches() -> None:
    async def scene() -> None:
        headend, queue = HeadEnd(), Queue()
        for number in range(BATCH_MAX + 1):
            await headend.order(f"M-{number}", state=OrderState.REFUSED)
        async with running(a_relay(headend, queue).run()):
            await second(0)

        sent = [ids for _, ids in queue.batches]
        assert [len(ids) for ids in sent] == [BATCH_MAX, 1]
        assert [*sent[0], *sent[1]] == [f"{number}-1" for number in range(1, BATCH_MAX + 2)]

    in_virtual_time(scene())


def test_what_the_queue_did_not_confirm_is_published_again_and_the_rest_is_not() -> None:
    async def scene() -> None:
        headend, queue = HeadEnd(), Queue()
        orders = [await headend.order(f"M-{number}", state=OrderState.REFUSED) for number in range(3)]
        queue.confirms = 1
        async with running(a_relay(headend, queue).run()):
            await second(10)

        assert queue.batches == [(0, ["1-1", "2-1", "3-1"]), (1, ["2-1", "3-1"]), (2, ["3-1"])]
        for order in orders:
            assert (await headend.facts_of(order)).count("ResultPublished") == 1

    in_virtual_time(scene())


def test_while_the_queue_is_away_results_wait_and_it_is_asked_every_second() -> None:
    async def scene() -> None:
        headend, queue = HeadEnd(), Queue()
        await headend.order(state=OrderState.REFUSED)
        queue.is_away = True
        async with running(a_relay(headend, queue).run()):
            await second(2)
            waiting = len(await headend.deliveries.outbox(10))
            queue.is_away = False
            await second(10)

        assert waiting == 1
        assert [moment for moment, _ in queue.batches] == [0, 1, 2, 3]
        assert headend.reports.told == [("result relay", "StoreUnavailable", moment) for moment in range(3)]
        assert await headend.deliveries.outbox(10) == []

    in_virtual_time(scene())


def test_the_embedded_queue_is_integration_s_inbox_where_a_repetition_changes_nothing() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        woken: list[bool] = []
        queue = EmbeddedQueue(headend.deliveries, headend.clock, lambda: woken.append(True))
        await headend.order(state=OrderState.REFUSED)
        messages = await headend.deliveries.outbox(10)

        confirmed = [await queue.publish(messages) for _ in range(2)]

        assert confirmed == [["1-1"], ["1-1"]]
        assert len(await headend.deliveries.inbox_due(headend.start, 10)) == 1
        assert woken == [True, True]

    in_virtual_time(scene())
