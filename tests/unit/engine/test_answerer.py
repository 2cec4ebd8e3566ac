"""Answerer: every result is sent until it is acknowledged, never twice at a time, or kept to be asked for."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from aforo.cim.dialect import shipped
from aforo.domain.delivery import Delivery, DeliveryState
from aforo.domain.order import Order
from aforo.domain.order_states import OrderState
from aforo.engine.answerer import POSTS_MAX, Answerer, AnswerWay
from aforo.engine.listeners import Listeners
from aforo.flow.step8_publish_result import result_message
from cases import a_request
from unit.engine.engine_situations import HeadEnd, running, second
from unit.engine.virtual_time import in_virtual_time

ADDRESS = "http://127.0.0.1:9/answers"


class Door:
    """The commercial system. says: why it does not acknowledge; empty when it does.

    posts: to which address, and how many seconds after the start.   takes_s: before it says anything.
    """

    def __init__(self) -> None:
        self.posts: list[tuple[str, int]] = []
        self.says = ""
        self.breaks = False
        self.takes_s = 0.0
        self.now_open = 0
        self.most_open = 0

    async def post(
        self, address: str, envelope: bytes, headers: Mapping[str, str] | None = None, *, traceparent: str = ""
    ) -> str:
        assert envelope.startswith(b"<")
        self.posts.append((address, round(asyncio.get_running_loop().time())))
        if self.breaks:
            raise RuntimeError("our own mistake")
        self.now_open += 1
        self.most_open = max(self.most_open, self.now_open)
        await asyncio.sleep(self.takes_s)
        self.now_open -= 1
        return self.says

    @property
    def moments(self) -> list[int]:
        return [moment for _, moment in self.posts]


class Scene:
    def __init__(self) -> None:
        self.headend = HeadEnd()
        self.door = Door()
        self.answerer = Answerer(
            self.headend.deliveries,
            self.headend.orders,
            AnswerWay(self.door, shipped()),
            clock=self.headend.clock,
            listeners=Listeners(self.headend.reports, lambda: None),
        )

    async def result(self, *, address: str | None = ADDRESS, meter: str = "M-1") -> Order:
        """A verified order whose result lies in the inbox."""
        order = await self.headend.order(
            meter, state=OrderState.VERIFIED, request=a_request(reply_address=address), evidence=None
        )
        await self.headend.deliveries.put_in_inbox([result_message(order)], self.headend.clock.now())
        self.answerer.wake()
        return order

    async def delivery(self, order: Order) -> Delivery:
        (only,) = await self.headend.deliveries.deliveries(order.id)
        return only


def test_a_result_is_answered_at_once_and_only_once() -> None:
    async def play() -> None:
        scene = Scene()
        async with running(scene.answerer.run()):
            await second(5)
            order = await scene.result()
            await second(3600)

            assert scene.door.posts == [(ADDRESS, 5)]
            assert (await scene.delivery(order)).state is DeliveryState.ANSWERED
            assert (await scene.headend.facts_of(order))[-1] == "LegacyAnswered"

    in_virtual_time(play())


def test_an_answer_that_is_not_acknowledged_is_sent_again_after_waits_that_double_up_to_ten_minutes() -> None:
    async def play() -> None:
        scene = Scene()
        scene.door.says = "HTTP 503"
        order = await scene.result()
        async with running(scene.answerer.run()):
            await second(2500)
            scene.door.says = ""
            await second(5000)

        assert scene.door.moments == [0, 5, 15, 35, 75, 155, 315, 635, 1235, 1835, 2435, 3035]
        delivery = await scene.delivery(order)
        assert (delivery.state, delivery.attempts) == (DeliveryState.ANSWERED, 12)

    in_virtual_time(play())


def test_after_a_week_without_acknowledgement_the_answer_is_kept() -> None:
    async def play() -> None:
        scene = Scene()
        scene.door.says = "HTTP 503"
        order = await scene.result()
        async with running(scene.answerer.run()):
            await second(timedelta(days=8).total_seconds())

        assert (await scene.delivery(order)).state is DeliveryState.KEPT
        assert timedelta(days=6.9) < timedelta(seconds=scene.door.moments[-1]) <= timedelta(days=7)

    in_virtual_time(play())


def test_an_answer_without_an_address_is_kept_and_nothing_is_sent() -> None:
    async def play() -> None:
        scene = Scene()
        order = await scene.result(address=None)
        async with running(scene.answerer.run()):
            await second(3600)

        assert scene.door.posts == []
        assert (await scene.delivery(order)).state is DeliveryState.KEPT

    in_virtual_time(play())


def test_an_answer_is_not_sent_a_second_time_while_it_is_under_way() -> None:
    async def play() -> None:
        scene = Scene()
        scene.door.takes_s = 1000
        await scene.result()
        async with running(scene.answerer.run()):
            for moment in range(1, 900, 100):
                await second(moment)
                scene.answerer.wake()
            await second(2000)

        assert scene.door.moments == [0]

    in_virtual_time(play())


def test_a_slow_address_delays_no_other_answer() -> None:
    async def play() -> None:
        scene = Scene()
        scene.door.takes_s = 500
        await scene.result(address="http://127.0.0.1:9/slow")
        async with running(scene.answerer.run()):
            await second(1)
            scene.door.takes_s = 0
            await scene.result(meter="M-2")
            await second(2)

        assert scene.door.posts == [("http://127.0.0.1:9/slow", 0), (ADDRESS, 1)]

    in_virtual_time(play())


def test_so_many_are_posted_at_a_time_and_all_in_the_end() -> None:
    async def play() -> None:
        scene = Scene()
        scene.door.takes_s = 1
        orders = [await scene.result(meter=f"M-{number}") for number in range(500)]
        async with running(scene.answerer.run()):
            await second(40)

        assert scene.door.most_open == POSTS_MAX
        assert len(scene.door.posts) == 500
        assert scene.door.moments[-1] == 500 // POSTS_MAX
        assert {(await scene.delivery(order)).state for order in orders} == {DeliveryState.ANSWERED}

    in_virtual_time(play())


def test_a_slow_database_holds_no_place_in_which_others_could_be_posted() -> None:
    async def play() -> None:
        scene = Scene()
        scene.headend.deliveries.close_s = 10
        for number in range(4 * POSTS_MAX):
            await scene.result(meter=f"M-{number}")
        async with running(scene.answerer.run()):
            await second(5)

        assert scene.door.moments == [0] * (4 * POSTS_MAX)
        assert scene.door.most_open <= POSTS_MAX

    in_virtual_time(play())


def test_an_error_of_ours_is_reported_stops_no_other_answer_and_is_tried_again() -> None:
    async def play() -> None:
        scene = Scene()
        scene.door.breaks = True
        order = await scene.result()
        async with running(scene.answerer.run()):
            await second(2.5)
            scene.door.breaks = False
            await scene.result(meter="M-2")
            await second(4)

        message = result_message(order)
        assert scene.headend.reports.told[0] == (f"answer {message.id}", "RuntimeError", 0)
        assert scene.door.moments[:3] == [0, 1, 2]
        assert (await scene.delivery(order)).state is DeliveryState.ANSWERED

    in_virtual_time(play())


def test_an_answer_that_could_not_be_noted_is_sent_again_when_the_database_is_back() -> None:
    async def play() -> None:
        scene = Scene()
        order = await scene.result()
        scene.headend.deliveries.is_away = True
        async with running(scene.answerer.run()):
            await second(2.5)
            scene.headend.deliveries.is_away = False
            await second(10)

        assert scene.door.moments == [0, 1, 2, 3]
        assert (await scene.delivery(order)).state is DeliveryState.ANSWERED

    in_virtual_time(play())


def test_while_the_inbox_cannot_be_read_it_is_asked_every_second() -> None:
    async def play() -> None:
        scene = Scene()
        await scene.result()
        scene.headend.deliveries.is_unread = True
        async with running(scene.answerer.run()):
            await second(2.5)
            scene.headend.deliveries.is_unread = False
            await second(10)

        assert scene.headend.reports.told == [("answers", "StoreUnavailable", moment) for moment in range(3)]
        assert scene.door.moments == [3]

    in_virtual_time(play())


def test_cancelling_it_ends_what_is_under_way() -> None:
    async def play() -> None:
        scene = Scene()
        scene.door.takes_s = 1000
        await scene.result()
        async with running(scene.answerer.run()):
            await second(1)

        assert asyncio.all_tasks() == {asyncio.current_task()}

    in_virtual_time(play())
