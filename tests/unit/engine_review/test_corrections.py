"""What became of an unconfirmed order is still found out, and told as a correction of its first answer."""

from datetime import timedelta

from aforo.dlms.keys import Key, Keys, SystemTitle
from aforo.domain.causes import Cause
from aforo.domain.order import Order
from aforo.domain.order_states import OrderState
from aforo.engine.dispatcher import Dispatcher
from aforo.simulator.meter import Meter
from aforo.simulator.meter_endpoint import MeterEndpoint
from unit.engine.engine_situations import KEYS, HeadEnd, alone, running, second
from unit.engine.virtual_time import in_virtual_time
from unit.engine_review.simulated_lines import SimulatedLines
from unit.simulator.driven_meter import a_meter

HOUR = 3600


async def an_unconfirmed_order(headend: HeadEnd) -> tuple[Order, Meter]:
    """The answer to its SET was lost, and its meter is silent from then on."""
    lines = SimulatedLines(headend.clock)
    object.__setattr__(headend.ports, "lines", lines)
    await headend.direct_meter()
    keys = Keys(Key(KEYS.encryption_key), Key(KEYS.authentication_key))
    meter = a_meter(title=SystemTitle(KEYS.system_title), keys=keys)
    lines.devices["M-1"] = MeterEndpoint(meter)
    return await headend.order(), meter


def _dispatched(headend: HeadEnd) -> Dispatcher:
    dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
    headend.wake = dispatcher.wake
    return dispatcher


def _results(headend: HeadEnd) -> list[tuple[str, str, bool]]:
    """Id, state, and whether it may still change."""
    bodies = ((one.id, one.body["data"]) for one in headend.orders.results.values())
    return [(name, data["state"], data["may_change_until"] is not None) for name, data in bodies]


def test_a_meter_that_is_heard_again_turns_unconfirmed_into_verified_under_the_same_order() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        order, meter = await an_unconfirmed_order(headend)
        meter.faults.swallow_answer_to_next_command = True
        async with running(_dispatched(headend).run()):
            await second(5)
            meter.faults.silent = True
            await second(10 * HOUR)
            unconfirmed = await headend.now(order)
            meter.faults.silent = False
            await second(30 * HOUR)

        corrected = await headend.now(order)
        assert (unconfirmed.state, unconfirmed.cause) == (OrderState.UNCONFIRMED, Cause.OUTCOME_UNKNOWN)
        assert (corrected.state, corrected.cause) == (OrderState.VERIFIED, None)
        assert meter.threshold_w == 2500
        assert _results(headend) == [(f"{order.id}-1", "UNCONFIRMED", True), (f"{order.id}-2", "VERIFIED", False)]

    in_virtual_time(scene())


def test_a_command_that_never_arrived_is_told_failed_once_the_meter_shows_it_and_is_not_sent_again() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        order, meter = await an_unconfirmed_order(headend)
        before = meter.threshold_w
        meter.faults.lose_next_command = True
        async with running(_dispatched(headend).run()):
            await second(5)
            meter.faults.silent = True
            await second(10 * HOUR)
            meter.faults.silent = False
            await second(30 * HOUR)

        corrected = await headend.now(order)
        assert (corrected.state, corrected.cause) == (OrderState.FAILED, Cause.VERIFY_MISMATCH)
        assert meter.threshold_w == before
        assert [state for _, state, _ in _results(headend)] == ["UNCONFIRMED", "FAILED"]

    in_virtual_time(scene())


def test_a_meter_that_stays_silent_for_a_day_is_no_longer_asked_and_the_answer_stands() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        order, meter = await an_unconfirmed_order(headend)
        meter.faults.swallow_answer_to_next_command = True
        async with running(_dispatched(headend).run()):
            await second(5)
            meter.faults.silent = True
            await second(60 * HOUR)

        last = await headend.now(order)
        assert (last.state, last.next_at) == (OrderState.UNCONFIRMED, None)
        assert _results(headend) == [(f"{order.id}-1", "UNCONFIRMED", True)]
        assert last.ended_at is not None
        assert last.ended_at < headend.start + timedelta(hours=10)

    in_virtual_time(scene())
