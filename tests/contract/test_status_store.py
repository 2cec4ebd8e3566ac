"""StatusStore: what waits, where, since when, and what has ended lately; the twin tells the same as PostgreSQL."""

from datetime import timedelta

import pytest

from aforo.domain.order_states import OrderState
from aforo.engine.status import Backlog, LaneStatus
from aforo.flow.decision import Decision
from cases import WEDNESDAY
from contract.conftest import Stores
from decisions import a_fact, a_result, standing, stored

MINUTE = timedelta(minutes=1)
C1, C2 = "concentrator:C-1", "concentrator:C-2"


async def test_an_idle_system_has_nothing_to_tell(stores: Stores) -> None:
    told = await stores.status.backlog(WEDNESDAY, MINUTE)

    assert (told.open, told.due, told.lag, told.ended, told.lanes) == ({}, 0, timedelta(0), 0, ())
    assert told.done_in == timedelta(0)


async def test_what_waits_is_told_by_state_and_by_lane_the_longest_due_first(stores: Stores) -> None:
    await stored(stores.orders, "OS-1", meter="M-1", lane=C2, next_at=WEDNESDAY - MINUTE)
    await stored(stores.orders, "OS-2", meter="M-2", state=OrderState.DISPATCHED, lane=C2)
    await stored(stores.orders, "OS-3", meter="M-3", lane=C1, next_at=WEDNESDAY)
    await stored(
        stores.orders, "OS-4", meter="M-4", state=OrderState.HELD, lane="relay:C-9", next_at=WEDNESDAY + MINUTE
    )
    await stored(stores.orders, "OS-5", meter="M-5", state=OrderState.REFUSED, lane=C1)

    told = await stores.status.backlog(WEDNESDAY, MINUTE)

    assert told.open == {"dispatched": 1, "held": 1, "validated": 2}
    assert (told.due, told.lag) == (2, MINUTE)
    assert told.lanes == (
        LaneStatus(C2, 1, WEDNESDAY - MINUTE, 1),
        LaneStatus(C1, 1, WEDNESDAY, 0),
        LaneStatus("relay:C-9", 1, None, 0),
    )


async def test_results_are_told_until_they_are_published_and_answered(stores: Stores) -> None:
    for number in (1, 2):
        order = await stored(stores.orders, f"OS-{number}", meter=f"M-{number}", state=OrderState.DISPATCHED)
        await stores.orders.commit(Decision(standing(order, OrderState.VERIFIED), (a_fact(),)), a_result(order))
    (first, _) = await stores.deliveries.outbox(10)
    await stores.deliveries.put_in_inbox([first], WEDNESDAY)
    await stores.deliveries.mark_published({first.id: (first.order_id, a_fact("ResultPublished", step=8))})

    told = await stores.status.backlog(WEDNESDAY, MINUTE)

    assert (told.unpublished, told.unanswered, told.ended, told.open) == (1, 1, 2, {})
    assert (await stores.status.backlog(WEDNESDAY + MINUTE, MINUTE)).ended == 0


@pytest.mark.parametrize(
    ("due", "out", "ended", "seconds"), [(0, 0, 5, 0), (30, 0, 60, 30), (10, 20, 60, 30), (1, 0, 0, None)]
)
def test_the_time_left_follows_from_the_speed_of_the_last_minute(
    due: int, out: int, ended: int, seconds: int | None
) -> None:
    backlog = Backlog(
        at=WEDNESDAY,
        window=MINUTE,
        open={},
        due=due,
        due_since=None,
        unpublished=0,
        unanswered=0,
        ended=ended,
        lanes=(LaneStatus(C1, 0, None, out),),
        processes=1,
    )
    assert backlog.done_in == (None if seconds is None else timedelta(seconds=seconds))
