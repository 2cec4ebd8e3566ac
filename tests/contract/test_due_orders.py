"""OrderStore: which orders may go out now, and when the next one may."""

import random
from datetime import timedelta

import pytest

from aforo.adapters.postgres.database import Database
from aforo.domain.causes import Cause
from aforo.domain.identifiers import MeterNumber, OrderId, Source
from aforo.domain.order import AGED_AFTER, Order, Priority
from aforo.domain.order_states import ENDS, IN_FLIGHT, OrderState
from aforo.engine.ports import StaleOrder
from aforo.flow.decision import Decision
from cases import WEDNESDAY
from contract.conftest import Stores, memory_stores, postgres_stores
from decisions import a_fact, standing, stored

LANE = "concentrator:C-1"
WAITING = [OrderState.RECEIVED, OrderState.HELD, OrderState.VALIDATED, OrderState.RECONCILING]
SOON = WEDNESDAY + timedelta(seconds=20)


@pytest.mark.parametrize("state", OrderState)
async def test_an_order_is_due_in_the_waiting_states_alone(stores: Stores, state: OrderState) -> None:
    order = await stored(stores.orders, state=state)

    assert await stores.orders.due(LANE, WEDNESDAY, 10) == ([order] if state in WAITING else [])
    assert await stores.orders.lanes_due(WEDNESDAY) == ([LANE] if state in WAITING else [])
    assert await stores.orders.in_flight(LANE) == ([order] if state in IN_FLIGHT else [])
    assert await stores.orders.lanes_in_flight() == ([LANE] if state in IN_FLIGHT else [])


async def test_the_most_urgent_order_comes_first_then_the_oldest(stores: Stores) -> None:
    late = await stored(stores.orders, "OS-1", meter="M-1", next_at=WEDNESDAY)
    later = await stored(stores.orders, "OS-2", meter="M-2", next_at=WEDNESDAY - timedelta(minutes=20))
    urgent = await stored(stores.orders, "OS-3", meter="M-3", priority=Priority.HIGH)
    most = [await stored(stores.orders, "OS-4", meter="M-0", priority=Priority.HIGH)]

    assert await stores.orders.due(LANE, WEDNESDAY, 10) == [urgent, *most, late, later]
    assert await stores.orders.due(LANE, WEDNESDAY, 3) == [urgent, *most, late]


async def test_of_each_meter_one_order_is_due_the_most_urgent_then_the_oldest(stores: Stores) -> None:
    first = await stored(stores.orders, "OS-1", meter="M-1")
    await stored(stores.orders, "OS-2", meter="M-1")
    await stored(stores.orders, "OS-3", meter="M-2")
    urgent = await stored(stores.orders, "OS-4", meter="M-2", priority=Priority.HIGH)

    assert await stores.orders.due(LANE, WEDNESDAY, 10) == [urgent, first]


async def test_no_order_is_due_for_a_meter_that_has_another_one_out(stores: Stores) -> None:
    out = await stored(stores.orders, "OS-1", state=OrderState.DISPATCHED)
    waiting = await stored(stores.orders, "OS-2", priority=Priority.HIGH)
    elsewhere = await stored(stores.orders, "OS-3", lane="relay:C-9", next_at=WEDNESDAY)

    assert await stores.orders.due(LANE, WEDNESDAY, 10) == []
    assert await stores.orders.due("relay:C-9", WEDNESDAY, 10) == []
    assert await stores.orders.lanes_due(WEDNESDAY) == []

    reconciling = await stores.orders.commit(Decision(standing(out, OrderState.RECONCILING), ()))
    assert await stores.orders.due(LANE, WEDNESDAY, 10) == [reconciling]

    await stores.orders.commit(Decision(standing(reconciling, OrderState.VERIFIED), ()))
    assert await stores.orders.due(LANE, WEDNESDAY, 10) == [waiting]
    assert await stores.orders.due("relay:C-9", WEDNESDAY, 10) == [elsewhere]
    assert await stores.orders.lanes_due(WEDNESDAY) == [LANE, "relay:C-9"]


async def test_a_reconciling_order_without_a_time_waits_for_its_result(stores: Stores) -> None:
    order = await stored(stores.orders, state=OrderState.RECONCILING, next_at=None)

    assert await stores.orders.due(LANE, WEDNESDAY, 10) == []
    assert await stores.orders.lanes_due(WEDNESDAY) == []
    assert await stores.orders.in_flight(LANE) == [order]


async def test_an_order_is_due_when_its_time_has_come_and_not_before(stores: Stores) -> None:
    order = await stored(stores.orders, next_at=SOON)

    assert await stores.orders.due(LANE, SOON - timedelta(microseconds=1), 10) == []
    assert await stores.orders.lanes_due(SOON - timedelta(microseconds=1)) == []
    assert await stores.orders.due(LANE, SOON, 10) == [order]
    assert await stores.orders.lanes_due(SOON) == [LANE]


async def test_the_next_moment_is_the_earliest_after_the_one_given(stores: Stores) -> None:
    assert await stores.orders.next_due(WEDNESDAY) is None
    await stored(stores.orders, "OS-1", meter="M-1", next_at=WEDNESDAY)
    await stored(stores.orders, "OS-2", meter="M-2", state=OrderState.HELD, next_at=SOON)
    await stored(stores.orders, "OS-3", meter="M-3", state=OrderState.RECONCILING, next_at=SOON + timedelta(1))
    await stored(stores.orders, "OS-4", meter="M-4", state=OrderState.VERIFIED)

    assert await stores.orders.next_due(WEDNESDAY - timedelta(1)) == WEDNESDAY
    assert await stores.orders.next_due(WEDNESDAY) == SOON
    assert await stores.orders.next_due(SOON) == SOON + timedelta(1)
    assert await stores.orders.next_due(SOON + timedelta(1)) is None


async def test_an_order_without_a_lane_waits_in_none(stores: Stores) -> None:
    await stored(stores.orders, lane="", state=OrderState.RECEIVED)

    assert await stores.orders.lanes_due(WEDNESDAY) == []


async def test_lanes_are_told_once_each_however_many_orders_wait(stores: Stores) -> None:
    for number in range(12):
        await stored(stores.orders, f"OS-{number}", meter=f"M-{number}", lane=f"concentrator:C-{number % 3}")

    assert await stores.orders.lanes_due(WEDNESDAY) == [f"concentrator:C-{number}" for number in range(3)]


@pytest.mark.parametrize("seed", range(3))
async def test_the_twin_and_postgresql_agree_after_whatever_happened(database: Database, seed: int) -> None:
    """Same calls in the same order; then every question has the same answer."""
    dice = random.Random(seed)
    twins = (memory_stores(), postgres_stores(database))
    for number in range(40):
        lane, meter = f"concentrator:C-{dice.randrange(3)}", f"M-{dice.randrange(12)}"
        priority = dice.choice(list(Priority))
        for stores in twins:
            await stored(stores.orders, f"OS-{number}", meter=meter, lane=lane, priority=priority)
    for _ in range(120):
        order_id, state = OrderId(dice.randrange(40) + 1), dice.choice([*OrderState, *WAITING, *WAITING])
        wait = timedelta(seconds=dice.randrange(-30, 30))
        assert await _moved(twins[0], order_id, state, wait) == await _moved(twins[1], order_id, state, wait)

    assert await _everything(twins[0]) == await _everything(twins[1])


async def _moved(stores: Stores, order_id: OrderId, state: OrderState, wait: timedelta) -> Order | None:
    order = await stores.orders.order(order_id)
    assert order is not None
    times = (
        {}
        if state in ENDS or state in (OrderState.DISPATCHED, OrderState.IN_PROGRESS)
        else {"next_at": WEDNESDAY + wait}
    )
    try:
        return await stores.orders.commit(Decision(standing(order, state, **times), (a_fact(),)))
    except StaleOrder:
        return None


async def _everything(stores: Stores) -> list[object]:
    orders = stores.orders
    moments = [WEDNESDAY + timedelta(seconds=offset) for offset in (-31, -10, 0, 10, 31)]
    lanes = [f"concentrator:C-{number}" for number in range(3)]
    return [
        await orders.latest(100),
        await orders.counts(),
        await orders.lanes_in_flight(),
        [await orders.in_flight(lane) for lane in lanes],
        [await orders.due(lane, now, limit) for lane in lanes for now in moments for limit in (2, 50)],
        [await orders.lanes_due(now) for now in moments],
        [await orders.next_due(now) for now in moments],
    ]


async def test_an_order_is_overtaken_by_a_later_one_of_its_meter_that_is_open_or_was_carried_out(
    stores: Stores,
) -> None:
    old = await stored(stores.orders, "OS-1")
    other = await stored(stores.orders, "OS-2", meter="M-2")
    unconfirmed = await stored(stores.orders, "OS-3", meter="M-3", state=OrderState.UNCONFIRMED)
    await stored(stores.orders, "OS-4", state=OrderState.VERIFIED)
    await stored(stores.orders, "OS-5", meter="M-2", state=OrderState.FAILED)
    newest = await stored(stores.orders, "OS-6")
    await stored(stores.orders, "OS-7", meter="M-3")

    assert await stores.orders.overtaken([old, other, unconfirmed, newest]) == {old.id: "OS-6"}
    assert await stores.orders.overtaken([]) == {}
    await stored(stores.orders, "OS-8", meter="M-3", state=OrderState.VERIFIED)
    assert await stores.orders.overtaken([unconfirmed]) == {unconfirmed.id: "OS-8"}


async def test_older_orders_of_a_meter_that_were_never_sent_are_found(stores: Stores) -> None:
    waiting = [await stored(stores.orders, f"OS-{place}", state=state) for place, state in
               enumerate((OrderState.RECEIVED, OrderState.HELD, OrderState.VALIDATED))]  # fmt: skip
    await stored(stores.orders, "OS-4", state=OrderState.VERIFIED)
    await stored(stores.orders, "OS-5", state=OrderState.RECONCILING)
    await stored(stores.orders, "OS-6", meter="M-2")
    newest = await stored(stores.orders, "OS-7")
    await stored(stores.orders, "OS-8")

    assert await stores.orders.older_unsent(newest) == waiting
    assert await stores.orders.older_unsent(waiting[0]) == []


async def test_the_known_limit_of_a_meter_is_that_of_its_latest_verified_order(stores: Stores) -> None:
    await stored(stores.orders, "OS-1", state=OrderState.VERIFIED)
    await stored(stores.orders, "OS-2", state=OrderState.FAILED)
    await stored(stores.orders, "OS-3", meter="M-2")

    assert await stores.orders.known_limit(MeterNumber("M-1")) == 2500
    assert await stores.orders.known_limit(MeterNumber("M-2")) is None


async def test_what_waits_for_a_concentrator_alone_is_due_when_it_is_back(stores: Stores) -> None:
    later = WEDNESDAY + timedelta(minutes=10)
    away = Cause.CONCENTRATOR_UNREACHABLE
    waiting = await stored(stores.orders, "OS-1", next_at=later, cause=away)
    others = [
        await stored(stores.orders, "OS-2", meter="M-2", next_at=later, cause=Cause.METER_UNREACHABLE),
        await stored(stores.orders, "OS-3", meter="M-3", next_at=later, cause=away, lane="concentrator:C-9"),
        await stored(stores.orders, "OS-4", meter="M-4", next_at=later, cause=away, state=OrderState.RECONCILING),
    ]

    assert await stores.orders.resume(waiting.lane, WEDNESDAY) == 1

    resumed = await stores.orders.order(waiting.id)
    assert resumed is not None
    assert (resumed.next_at, resumed.version) == (WEDNESDAY, waiting.version + 1)
    assert [await stores.orders.order(one.id) for one in others] == others
    assert await stores.orders.resume(waiting.lane, WEDNESDAY) == 0


async def test_what_has_been_due_for_long_goes_before_younger_urgent_orders(stores: Stores) -> None:
    starved = await stored(stores.orders, "OS-1", meter="M-1", next_at=WEDNESDAY)
    urgent = await stored(stores.orders, "OS-2", meter="M-2", next_at=WEDNESDAY, priority=Priority.HIGH)
    young = await stored(stores.orders, "OS-3", meter="M-3", next_at=WEDNESDAY + timedelta(minutes=1))
    lane = starved.lane

    soon, late = WEDNESDAY + AGED_AFTER - timedelta(seconds=1), WEDNESDAY + AGED_AFTER
    assert await stores.orders.due(lane, soon, 10) == [urgent, starved, young]
    assert await stores.orders.due(lane, late, 10) == [starved, urgent, young]
    assert await stores.orders.due(lane, late, 1) == [starved]


async def test_alarms_are_of_orders_that_have_not_ended_the_earliest_first(stores: Stores) -> None:
    minute = timedelta(minutes=1)
    late = await stored(stores.orders, "OS-1", meter="M-1", alarm_at=WEDNESDAY + 2 * minute)
    early = await stored(stores.orders, "OS-2", meter="M-2", alarm_at=WEDNESDAY + minute, is_warned=True)
    await stored(stores.orders, "OS-3", meter="M-3", state=OrderState.FAILED, alarm_at=WEDNESDAY)
    await stored(stores.orders, "OS-4", meter="M-4")

    assert await stores.orders.alarms_due(WEDNESDAY, 9) == []
    assert await stores.orders.alarms_due(WEDNESDAY + 2 * minute, 9) == [early, late]
    assert await stores.orders.alarms_due(WEDNESDAY + 2 * minute, 1) == [early]
    assert await stores.orders.next_alarm(WEDNESDAY - minute) == WEDNESDAY + minute
    assert await stores.orders.next_alarm(WEDNESDAY + minute) == WEDNESDAY + 2 * minute
    assert await stores.orders.next_alarm(WEDNESDAY + 2 * minute) is None


async def test_sources_take_turns_and_who_was_served_last_comes_last(stores: Stores) -> None:
    """A campaign does not make another caller wait for all of it, and neither does the first comer."""
    campaign, other = Source("CAMPAIGN"), Source("OFFICE")
    many = [await stored(stores.orders, f"OS-{place}", meter=f"M-{place}", source=campaign) for place in range(4)]
    few = [await stored(stores.orders, f"OF-{place}", meter=f"N-{place}", source=other) for place in range(2)]
    urgent = await stored(stores.orders, "OS-9", meter="M-9", source=campaign, priority=Priority.HIGH)
    lane = urgent.lane

    fair = [urgent, many[0], few[0], many[1], few[1], many[2], many[3]]
    assert await stores.orders.due(lane, WEDNESDAY, 10) == fair
    assert await stores.orders.due(lane, WEDNESDAY, 3) == fair[:3]
    turned = [urgent, few[0], many[0], few[1], many[1], many[2], many[3]]
    assert await stores.orders.due(lane, WEDNESDAY, 10, (campaign,)) == turned
    assert await stores.orders.due(lane, WEDNESDAY, 10, (other, campaign)) == turned
    assert await stores.orders.due(lane, WEDNESDAY, 10, (campaign, other)) == fair
