"""A limit with an end: it ends, whatever becomes of the processes, and ends nothing that was never set."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from aforo.domain.causes import Cause
from aforo.domain.devices import Link
from aforo.domain.identifiers import OrderId, OrderNumber
from aforo.domain.order import Order
from aforo.domain.order_kinds import LIMIT_REMOVE
from aforo.domain.order_states import OrderState
from aforo.domain.quantities import PowerLimit
from aforo.engine.dispatcher import Dispatcher
from aforo.engine.order_desk import OrderDesk
from aforo.flow.step1_receive_order import plan_removal, receive_order
from aforo.flow.step2_route_to_headend import route_to_headend
from cases import WEDNESDAY, a_request
from unit.engine.engine_situations import HeadEnd, alone, running, second
from unit.engine.virtual_time import in_virtual_time
from unit.engine_review.simulated_lines import SimulatedLines, a_concentrator
from unit.simulator.driven_meter import a_meter

ENDS_AFTER_S = 600


class Scene:
    """A temporary limit of 2500 W on a meter of 6000 W contracted, and the order that ends it."""

    def __init__(self) -> None:
        self.headend = HeadEnd()
        self.meter = a_meter()
        self.lines = SimulatedLines(self.headend.clock)
        object.__setattr__(self.headend.ports, "lines", self.lines)

    async def receive(self) -> tuple[Order, Order]:
        headend = self.headend
        await headend.concentrator()
        known = await headend.linked_meter(Link.DELEGATED)
        request = a_request(until=headend.start + timedelta(seconds=ENDS_AFTER_S))
        ids = [await headend.orders.new_order_id() for _ in range(2)]
        received = receive_order(request, ids[0], headend.start)
        routed = received.then(route_to_headend(received.order, known, headend.start))
        planned = plan_removal(routed.order, ids[1], headend.start)
        limiting = await headend.book.receive(routed, [planned])
        return limiting, await self.stored(ids[1])

    async def stored(self, order_id: OrderId) -> Order:
        found = await self.headend.orders.order(order_id)
        assert found is not None
        return found

    def reach_the_meter(self) -> None:
        self.lines.devices["C-1"] = a_concentrator({"M-1": self.meter})

    async def run(self, *moments: tuple[float, Callable[[], Awaitable[None]]]) -> None:
        dispatcher = Dispatcher(self.headend.ports, self.headend.reports, leases=alone())
        self.headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            for moment, look in moments:
                await second(moment)
                await look()


def test_the_limit_is_set_and_ends_by_an_order_of_its_own() -> None:
    async def run() -> None:
        scene = Scene()
        scene.reach_the_meter()
        limiting, ending = await scene.receive()

        async def limited() -> None:
            assert scene.meter.threshold_w == 2500
            assert (await scene.stored(limiting.id)).state is OrderState.VERIFIED
            waiting = await scene.stored(ending.id)
            assert (waiting.state, waiting.cause, waiting.kind) == (OrderState.HELD, Cause.AWAITING_UNTIL, LIMIT_REMOVE)

        async def restored() -> None:
            assert scene.meter.threshold_w == 6000
            assert (await scene.stored(ending.id)).state is OrderState.VERIFIED

        await scene.run((ENDS_AFTER_S - 1, limited), (ENDS_AFTER_S + 60, restored))

    in_virtual_time(run())


def test_a_limit_that_could_not_be_set_in_time_is_never_set_and_leaves_nothing_to_end() -> None:
    async def run() -> None:
        scene = Scene()
        limiting, ending = await scene.receive()

        async def too_late() -> None:
            scene.reach_the_meter()

        async def nothing_happened() -> None:
            assert scene.meter.threshold_w == 30_000
            states = [(await scene.stored(one.id)).state for one in (limiting, ending)]
            assert states[0] in (OrderState.EXPIRED, OrderState.FAILED)
            assert states[1] is OrderState.CANCELLED

        await scene.run((ENDS_AFTER_S + 1, too_late), (ENDS_AFTER_S + 20_000, nothing_happened))

    in_virtual_time(run())


def test_a_later_limit_stays_when_the_end_of_the_earlier_one_comes() -> None:
    async def run() -> None:
        scene = Scene()
        scene.reach_the_meter()
        _, ending = await scene.receive()

        async def order_another() -> None:
            limit = a_request(number=OrderNumber("later"), digest="later", limit=PowerLimit(3000))
            decided = receive_order(limit, await scene.headend.orders.new_order_id(), scene.headend.clock.now())
            known = (await scene.headend.registry.meters([limit.meter]))[limit.meter]
            routed = decided.then(route_to_headend(decided.order, known, scene.headend.clock.now()))
            order = await scene.headend.book.receive(routed)
            await OrderDesk(scene.headend.book, scene.headend.clock).supersede_older(order)

        async def it_stays() -> None:
            assert scene.meter.threshold_w == 3000
            assert (await scene.stored(ending.id)).state is OrderState.SUPERSEDED

        await scene.run((60, order_another), (ENDS_AFTER_S + 60, it_stays))

    in_virtual_time(run())


@pytest.mark.parametrize(("number", "told"), [("OS-1", "OS-1/until"), ("N" * 60, "AF-")])
def test_its_number_is_the_limit_s_with_a_suffix_while_there_is_room(number: str, told: str) -> None:
    request = a_request(number=OrderNumber(number), until=WEDNESDAY)
    decision = plan_removal(receive_order(request, OrderId(1), WEDNESDAY).order, OrderId(2), WEDNESDAY)

    assert decision.order.number.startswith(told)
    assert len(decision.order.number) <= 64
    assert decision.order.request.reply_address == request.reply_address
