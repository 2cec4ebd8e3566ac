"""Dispatcher: one session per lane, rests for those that fail, and no look at the database without a reason."""

import asyncio

from aforo.domain.order_states import OrderState
from aforo.domain.retry_plan import RetryPlan
from aforo.engine.dispatcher import Dispatcher
from aforo.flow.device_client import CONTACT_TRIES
from unit.engine.engine_situations import HeadEnd, alone, running, second
from unit.engine.virtual_time import in_virtual_time, seconds_since


def dispatched(headend: HeadEnd) -> Dispatcher:
    """Woken by the head-end's book from now on."""
    dispatcher = Dispatcher(headend.ports, headend.reports, leases=alone())
    headend.wake = dispatcher.wake
    return dispatcher


def test_a_lane_has_one_session_however_often_it_is_woken() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        headend.lines.close_gate()
        async with running(dispatched(headend).run()):
            for _ in range(5):
                await headend.order()
            await second(60)

            assert headend.lines.visited == [("M-1", 0)]
            assert len(await headend.orders.in_flight("meter:M-1")) == 1

    in_virtual_time(scene())


def test_no_more_sessions_than_there_is_room_for_and_none_is_forgotten() -> None:
    async def scene() -> None:
        headend = HeadEnd(sessions_max=2, plan=RetryPlan(()))
        headend.lines.close_gate()
        for number in range(5):
            await headend.direct_meter(f"M-{number}")
            await headend.order(f"M-{number}")
        async with running(dispatched(headend).run()):
            seen = []
            for moment in range(1, 4):
                await second(moment)
                seen.append(headend.lines.now_open)
                for _ in range(2 * CONTACT_TRIES):
                    headend.lines.gate.release()
            await second(4)

        assert seen == [2, 2, 1]
        assert sorted({host for host, _ in headend.lines.visited}) == [f"M-{number}" for number in range(5)]
        assert await headend.orders.counts() == {"FAILED": 5}

    in_virtual_time(scene())


def test_an_order_due_later_is_begun_on_the_second_and_nothing_is_asked_before() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        await headend.order(wait=300)
        async with running(dispatched(headend).run()):
            await second(299)
            looks_before, calls_before = len(headend.orders.looks), list(headend.lines.visited)
            await second(300)

        assert (looks_before, calls_before) == (1, [])
        assert headend.lines.visited == [("M-1", 300)]

    in_virtual_time(scene())


def test_an_earlier_order_that_comes_meanwhile_is_not_made_to_wait_for_the_later_one() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter("M-1")
        await headend.direct_meter("M-2")
        await headend.order("M-1", wait=500)
        async with running(dispatched(headend).run()):
            await second(10)
            await headend.order("M-2", wait=40)
            await second(39)
            sessions_before = list(headend.ledger.opened)
            await second(41)

        assert sessions_before == []
        assert headend.ledger.opened == ["meter:M-2"]
        assert headend.lines.visited == [("M-2", 40)]

    in_virtual_time(scene())


def test_with_nothing_due_it_looks_every_ten_minutes_against_a_lost_wake_up() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        async with running(dispatched(headend).run()):
            await second(3600)

        assert [seconds_since(headend.start, look) for look in headend.orders.looks] == list(range(0, 3601, 600))

    in_virtual_time(scene())


def test_a_silent_meter_is_called_under_the_plan_and_the_order_fails_when_it_is_exhausted() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        order = await headend.order()
        async with running(dispatched(headend).run()):
            await second(6 * 3600)

        assert [moment for _, moment in headend.lines.visited] == [0, 20, 140, 3740, 18140]
        assert (await headend.now(order)).state is OrderState.FAILED
        assert headend.results == 1
        assert headend.reports.told == []

    in_virtual_time(scene())


def test_a_lane_whose_session_breaks_rests_longer_each_time_and_is_reported_each_time() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.order(lane="concentrator:nowhere")
        async with running(dispatched(headend).run()):
            await second(170)

        assert headend.reports.told == [
            ("concentrator:nowhere", "AssertionError", moment) for moment in (0, 1, 3, 8, 18, 48, 108, 168)
        ]

    in_virtual_time(scene())


def test_a_resting_lane_is_not_begun_by_a_new_order_and_delays_no_other_lane() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter("M-2")
        await headend.order(lane="concentrator:nowhere")
        async with running(dispatched(headend).run()):
            await second(20)
            await headend.order("M-3", lane="concentrator:nowhere")
            await headend.order("M-2")
            await second(21)

        assert [moment for _, _, moment in headend.reports.told] == [0, 1, 3, 8, 18]
        assert headend.lines.visited == [("M-2", 20)]

    in_virtual_time(scene())


def test_what_was_out_when_the_process_ended_is_asked_about_at_the_start() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        order = await headend.order(state=OrderState.DISPATCHED)
        async with running(dispatched(headend).run()):
            await second(1)

        current = await headend.now(order)
        assert current.state is OrderState.RECONCILING
        assert current.command_fence == order.command_fence
        assert headend.lines.visited == [("M-1", 0)]
        assert (await headend.facts_of(order))[1:3] == ["LinkLost", "OrderDispatched"]

    in_virtual_time(scene())


def test_a_database_that_is_away_is_waited_for() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        await headend.order()
        headend.orders.is_away = True
        async with running(dispatched(headend).run()):
            await second(3)
            headend.orders.is_away = False
            await second(4)

        assert headend.reports.told == [("dispatcher", "StoreUnavailable", moment) for moment in range(4)]
        assert headend.lines.visited == [("M-1", 4)]

    in_virtual_time(scene())


def test_cancelling_it_ends_every_session() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        headend.lines.close_gate()
        for number in range(3):
            await headend.direct_meter(f"M-{number}")
            await headend.order(f"M-{number}")
        async with running(dispatched(headend).run()):
            await second(1)
            open_before = headend.lines.now_open

        assert (open_before, headend.lines.now_open) == (3, 0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    in_virtual_time(scene())
