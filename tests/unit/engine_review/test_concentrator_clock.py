"""A concentrator keeps to a not-after by its own clock, so a clock that is off is given none."""

from datetime import timedelta

import pytest

from aforo.domain.causes import Cause
from aforo.domain.devices import Link
from aforo.domain.order_states import OrderState
from aforo.engine.dispatcher import Dispatcher
from cases import a_request
from unit.engine.engine_situations import HeadEnd, alone, running, second
from unit.engine.virtual_time import in_virtual_time
from unit.engine_review.simulated_lines import SimulatedLines, a_concentrator
from unit.simulator.driven_meter import a_meter

MINUTE = timedelta(minutes=1)


class Scene:
    def __init__(self, ahead: timedelta) -> None:
        self.headend = HeadEnd()
        self.lines = SimulatedLines(self.headend.clock)
        object.__setattr__(self.headend.ports, "lines", self.lines)
        self.meter = a_meter()
        self.concentrator = self.lines.devices["C-1"] = a_concentrator({"M-1": self.meter})
        self.concentrator.ledger.clock_offset = ahead


@pytest.mark.parametrize("ahead", [5 * MINUTE, -5 * MINUTE])
def test_an_order_with_a_not_after_waits_until_the_clock_is_right(ahead: timedelta) -> None:
    async def run() -> None:
        scene = Scene(ahead)
        headend = scene.headend
        await headend.concentrator()
        await headend.linked_meter(Link.DELEGATED)
        request = a_request(not_after=headend.start + timedelta(hours=3))
        order = await headend.order(lane="concentrator:C-1", request=request)
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            await second(100)
            waiting = await headend.now(order)
            assert (waiting.state, waiting.cause) == (OrderState.VALIDATED, Cause.CLOCK_SKEW)
            assert waiting.detail == f"its clock is 300 s {'ahead' if ahead > timedelta() else 'behind'}"
            assert scene.meter.threshold_w == 30_000
            scene.concentrator.ledger.clock_offset = timedelta()
            await second(2 * 3600)

        assert (await headend.now(order)).state is OrderState.VERIFIED

    in_virtual_time(run())


@pytest.mark.parametrize(("ahead", "bound"), [(30 * timedelta(seconds=1), True), (5 * MINUTE, False)])
def test_a_clock_that_is_nearly_right_and_an_order_that_may_begin_at_any_time_hold_nothing_up(
    ahead: timedelta, bound: bool
) -> None:
    async def run() -> None:
        scene = Scene(ahead)
        headend = scene.headend
        await headend.concentrator()
        await headend.linked_meter(Link.DELEGATED)
        not_after = headend.start + timedelta(hours=3) if bound else None
        order = await headend.order(lane="concentrator:C-1", request=a_request(not_after=not_after))
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            await second(60)

        assert (await headend.now(order)).state is OrderState.VERIFIED

    in_virtual_time(run())
