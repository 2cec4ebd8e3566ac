"""The service window holds at the concentrator too: what waits there when it closes is not carried out at night."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

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

SANTIAGO = ZoneInfo("America/Santiago")


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(minutes=-50), timedelta(minutes=20)])
def test_a_restrictive_order_still_queued_when_the_window_closes_runs_on_the_next_working_day(
    ahead: timedelta,
) -> None:
    """ahead: of the concentrator's clock; the window counts in true time."""

    async def run() -> None:
        headend = HeadEnd()
        lines = SimulatedLines(headend.clock)
        object.__setattr__(headend.ports, "lines", lines)
        first, second_meter = a_meter(), a_meter()
        concentrator = lines.devices["C-1"] = a_concentrator(
            {"M-1": first, "M-2": second_meter}, line_delay=timedelta(seconds=10)
        )
        concentrator.ledger.clock_offset = ahead
        await headend.concentrator()
        for number in ("M-1", "M-2"):
            await headend.linked_meter(Link.DELEGATED, number)
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            begin = _until_eighteen(headend) - 30.0
            await second(begin)
            orders = [
                await headend.order(number, lane="concentrator:C-1", request=a_request(meter=number))
                for number in ("M-1", "M-2")
            ]
            await second(begin + 3 * 3600)
            waiting = await headend.now(orders[1])
            assert (waiting.state, waiting.cause) == (OrderState.HELD, Cause.OUTSIDE_SERVICE_WINDOW)
            assert second_meter.threshold_w == 30_000
            await second(begin + 24 * 3600)

        done = await headend.now(orders[1])
        assert done.state is OrderState.VERIFIED
        assert done.ended_at is not None
        assert _hour(done.ended_at) == 8

    in_virtual_time(run())


def test_a_clock_put_back_during_the_session_is_noticed_before_the_last_orders_of_the_day_are_handed_over() -> None:
    async def run() -> None:
        headend = HeadEnd()
        lines = SimulatedLines(headend.clock)
        object.__setattr__(headend.ports, "lines", lines)
        meters = {"M-1": a_meter(), "M-2": a_meter()}
        concentrator = lines.devices["C-1"] = a_concentrator(meters, line_delay=timedelta(seconds=8))
        await headend.concentrator()
        for number in meters:
            await headend.linked_meter(Link.DELEGATED, number)
        begin = _until_eighteen(headend) - 60.0
        dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
        headend.wake = dispatcher.wake
        async with running(dispatcher.run()):
            await second(begin)
            await headend.order("M-1", lane="concentrator:C-1", request=a_request(meter="M-1"))
            await second(begin + 5)
            concentrator.ledger.clock_offset = timedelta(minutes=-3)
            await headend.order("M-2", lane="concentrator:C-1", request=a_request(meter="M-2"))
            await second(begin + 3 * 3600)
            assert [meter.threshold_w for meter in meters.values()] == [2_500, 30_000]

    in_virtual_time(run())


def _until_eighteen(headend: HeadEnd) -> float:
    local = headend.start.astimezone(SANTIAGO)
    since_midnight = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
    return (timedelta(hours=18) - since_midnight).total_seconds()


def _hour(at: datetime) -> int:
    return at.astimezone(SANTIAGO).hour
