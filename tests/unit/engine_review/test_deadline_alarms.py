"""A deadline never passes unseen: a warning comes before it, and an escalation, each once."""

from datetime import timedelta
from typing import Any

import pytest

from aforo.domain.deadlines import Deadlines
from aforo.domain.order import Order, Priority
from aforo.domain.order_kinds import DISCONNECT, LIMIT, RECONNECT
from aforo.domain.order_states import OrderState
from aforo.domain.preconditions import Circumstances
from aforo.engine.deadline_watch import DeadlineWatch
from aforo.engine.listeners import Listeners
from aforo.flow.step3_validate_meter import validate_meter
from cases import WEDNESDAY, a_meter, a_request, an_order
from unit.engine.engine_situations import HeadEnd, running, second
from unit.engine.virtual_time import in_virtual_time

HOUR = 3600
DAY = timedelta(hours=24)


def watch_of(headend: HeadEnd) -> DeadlineWatch:
    return DeadlineWatch(headend.book, headend.clock, Listeners(headend.reports, lambda: None))


async def waiting(headend: HeadEnd, **changes: Any) -> Order:
    """Validated at the start, and its concentrator is away."""
    alarm_at = headend.start + DAY * 0.75
    given: dict[str, Any] = {"deadline": headend.start + DAY, "alarm_at": alarm_at, **changes}
    return await headend.order(lane="concentrator:C-1", **given)


async def alarms(headend: HeadEnd, order: Order) -> list[tuple[str, float]]:
    facts = await headend.orders.facts(order.id)
    return [
        (fact.name, (fact.at - headend.start).total_seconds() / HOUR) for fact in facts if fact.name.startswith("Dead")
    ]


def test_a_warning_after_three_quarters_and_an_escalation_after_nine_tenths() -> None:
    async def run() -> None:
        headend = HeadEnd()
        order = await waiting(headend)
        async with running(watch_of(headend).run()):
            await second(30 * HOUR)

        (warned, warned_at), (escalated, escalated_at) = await alarms(headend, order)
        assert (warned, escalated) == ("DeadlineNear", "DeadlineEscalated")
        assert [warned_at, escalated_at] == pytest.approx([18, 21.6], abs=0.01)
        after = await headend.now(order)
        assert (after.state, after.alarm_at, after.is_warned) == (OrderState.VALIDATED, None, True)

    in_virtual_time(run())


def test_an_order_that_has_ended_alarms_nobody() -> None:
    async def run() -> None:
        headend = HeadEnd()
        order = await waiting(headend, state=OrderState.FAILED, next_at=None, ended_at=headend.start)
        async with running(watch_of(headend).run()):
            await second(30 * HOUR)

        assert await alarms(headend, order) == []

    in_virtual_time(run())


def test_an_order_that_comes_while_the_watch_sleeps_wakes_it() -> None:
    async def run() -> None:
        headend = HeadEnd()
        watch = watch_of(headend)
        async with running(watch.run()):
            await second(5)
            order = await waiting(headend, alarm_at=headend.start + timedelta(seconds=60))
            watch.wake(headend.start + timedelta(seconds=60))
            await second(61)

            assert [name for name, _ in await alarms(headend, order)] == ["DeadlineNear"]

    in_virtual_time(run())


@pytest.mark.parametrize(
    ("kind", "priority", "hours"),
    [
        (LIMIT, Priority.NORMAL, 24),
        (RECONNECT, Priority.NORMAL, 8),
        (LIMIT, Priority.HIGH, 12),
        (RECONNECT, Priority.HIGH, 8),
        (DISCONNECT, Priority.NORMAL, 48),
    ],
)
def test_a_deadline_is_that_of_its_kind_or_of_urgent_orders_whichever_is_shorter(
    kind: object, priority: Priority, hours: int
) -> None:
    of = {"RECONNECT": timedelta(hours=8), "urgent": timedelta(hours=12), "DISCONNECT": timedelta(hours=48)}
    request = a_request(kind=kind, priority=priority, limit=a_request().limit if kind is LIMIT else None)
    order = an_order(OrderState.RECEIVED, request=request)

    validated = validate_meter(order, a_meter(), WEDNESDAY, Circumstances(deadlines=Deadlines(DAY, of))).order

    assert validated.deadline == WEDNESDAY + timedelta(hours=hours)
    assert validated.alarm_at == WEDNESDAY + timedelta(hours=hours * 0.75)
