"""A concentrator that is away for hours: nothing is lost, no meter's tries are used, and all goes when it is back."""

from datetime import timedelta

import pytest

from aforo.domain.causes import Cause
from aforo.domain.devices import Link
from aforo.domain.identifiers import MeterNumber
from aforo.domain.order_states import OrderState
from aforo.engine.dispatcher import Dispatcher
from cases import WEDNESDAY, a_request
from cases import a_meter as a_registered_meter
from unit.engine.engine_situations import KEYS, HeadEnd, alone, running, second
from unit.engine.virtual_time import in_virtual_time
from unit.engine_review.simulated_lines import SimulatedLines, a_concentrator
from unit.simulator.driven_meter import a_meter

METERS = [f"M-{place}" for place in range(5)]


@pytest.mark.parametrize("hours", [1, 6, 23])
def test_its_orders_wait_and_go_within_one_wait_of_its_return(hours: int) -> None:
    async def scene() -> None:
        headend = HeadEnd()
        lines = SimulatedLines(headend.clock)
        object.__setattr__(headend.ports, "lines", lines)
        await headend.concentrator()
        meters = {number: a_meter(number=number) for number in METERS}
        for number in METERS:
            known = a_registered_meter(Link.DELEGATED, security=KEYS, number=MeterNumber(number))
            await headend.registry.put_meters([known], headend.start)
        request = a_request(special="any hour")
        orders = [
            await headend.order(number, lane="concentrator:C-1", state=OrderState.RECEIVED, request=request)
            for number in METERS
        ]
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            await second(hours * 3600)
            waiting = [await headend.now(order) for order in orders]
            assert {order.state for order in waiting} == {OrderState.VALIDATED}
            assert {order.cause for order in waiting} == {Cause.CONCENTRATOR_UNREACHABLE}
            assert {order.attempts for order in waiting} == {0}
            lines.devices["C-1"] = a_concentrator(meters)
            await second(hours * 3600 + 660)

        assert {(await headend.now(order)).state for order in orders} == {OrderState.VERIFIED}

    in_virtual_time(scene())


def test_an_order_goes_back_at_its_deadline_when_the_concentrator_never_returns() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        object.__setattr__(headend.ports, "lines", SimulatedLines(headend.clock))
        await headend.concentrator()
        await headend.linked_meter(Link.DELEGATED)
        request = a_request(special="any hour")
        order = await headend.order(lane="concentrator:C-1", state=OrderState.RECEIVED, request=request)
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            await second(25 * 3600)

        ended = await headend.now(order)
        assert (ended.state, ended.cause) == (OrderState.FAILED, Cause.CONCENTRATOR_UNREACHABLE)
        assert ended.ended_at == ended.deadline

    in_virtual_time(scene())


def test_an_order_for_working_hours_is_tried_on_the_next_day_too_and_then_goes_back() -> None:
    """Noon on Wednesday, away for ever: held over night, tried again from eight, back at the deadline at noon."""

    async def scene() -> None:
        headend = HeadEnd()
        object.__setattr__(headend.ports, "lines", SimulatedLines(headend.clock))
        await headend.concentrator()
        await headend.linked_meter(Link.DELEGATED)
        order = await headend.order(lane="concentrator:C-1", state=OrderState.RECEIVED)
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            await second(12 * 3600)
            assert (await headend.now(order)).state is OrderState.HELD
            await second(48 * 3600)

        ended = await headend.now(order)
        assert (ended.state, ended.cause) == (OrderState.FAILED, Cause.CONCENTRATOR_UNREACHABLE)
        assert ended.ended_at == headend.start + timedelta(hours=24)

    in_virtual_time(scene())


def test_on_a_friday_it_goes_back_when_the_window_closes_since_no_other_day_is_left() -> None:
    async def scene() -> None:
        headend = HeadEnd(start=WEDNESDAY + timedelta(days=2))
        object.__setattr__(headend.ports, "lines", SimulatedLines(headend.clock))
        await headend.concentrator()
        await headend.linked_meter(Link.DELEGATED)
        order = await headend.order(
            lane="concentrator:C-1", state=OrderState.RECEIVED, received_at=headend.start, next_at=headend.start
        )
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            await second(7 * 3600)

        ended = await headend.now(order)
        assert (ended.state, ended.cause) == (OrderState.FAILED, Cause.CONCENTRATOR_UNREACHABLE)

    in_virtual_time(scene())
