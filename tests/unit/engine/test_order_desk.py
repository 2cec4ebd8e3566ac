"""OrderDesk: an order is cancelled or superseded as it stands, and never once it may have left."""

from typing import Any

import pytest

from aforo.domain.causes import Cause
from aforo.domain.order import Order
from aforo.domain.order_kinds import READ
from aforo.domain.order_states import OrderState
from aforo.engine.order_desk import OrderDesk, SamePerson, TooLate
from aforo.engine.ports import StaleOrder
from cases import a_request
from unit.engine.engine_situations import HeadEnd
from unit.engine.virtual_time import in_virtual_time


def desk_of(headend: HeadEnd) -> OrderDesk:
    return OrderDesk(headend.book, headend.clock)


def test_a_waiting_order_is_cancelled_and_its_end_goes_to_the_queue() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        order = await headend.order(wait=60)

        cancelled = await desk_of(headend).cancel(order.id, by="Ana", reason="paid")

        assert cancelled.state is OrderState.CANCELLED
        assert [one.order_id for one in await headend.deliveries.outbox(10)] == [order.id]

    in_virtual_time(scene())


@pytest.mark.parametrize("state", [OrderState.DISPATCHED, OrderState.RECONCILING, OrderState.VERIFIED])
def test_what_may_have_left_or_has_ended_is_not_cancelled(state: OrderState) -> None:
    async def scene() -> None:
        headend = HeadEnd()
        order = await headend.order(state=state)

        with pytest.raises(TooLate) as late:
            await desk_of(headend).cancel(order.id, by="Ana", reason="")

        assert late.value.order.state is state
        assert (await headend.now(order)).state is state

    in_virtual_time(scene())


def test_an_order_that_others_change_at_the_same_time_is_looked_at_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        headend = HeadEnd()
        order = await headend.order(wait=60)
        commit, failures = headend.orders.commit, [StaleOrder("changed"), StaleOrder("changed")]

        async def sometimes(*given: Any) -> Order:
            if failures:
                raise failures.pop()
            return await commit(*given)

        monkeypatch.setattr(headend.orders, "commit", sometimes)
        assert (await desk_of(headend).cancel(order.id, by="Ana", reason="")).state is OrderState.CANCELLED

    in_virtual_time(scene())


def test_a_newer_order_ends_the_older_ones_that_were_never_sent_and_no_other() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        waiting = await headend.order(wait=60)
        elsewhere = await headend.order(meter="M-2", wait=60)
        newer = await headend.order(wait=60)

        await desk_of(headend).supersede_older(newer)

        assert (await headend.now(waiting)).state is OrderState.SUPERSEDED
        assert (await headend.now(elsewhere)).state is OrderState.VALIDATED
        assert (await headend.now(newer)).state is OrderState.VALIDATED

    in_virtual_time(scene())


def test_a_reading_supersedes_nothing() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        waiting = await headend.order(wait=60)
        reading = await headend.order(request=a_request(kind=READ, limit=None), wait=60)

        await desk_of(headend).supersede_older(reading)

        assert (await headend.now(waiting)).state is OrderState.VALIDATED

    in_virtual_time(scene())


def test_an_approval_takes_another_than_who_ordered_and_only_where_it_is_awaited() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        held = await headend.order(state=OrderState.HELD, cause=Cause.AWAITING_APPROVAL, wait=600)
        waiting = await headend.order(meter="M-2", wait=600)
        desk = desk_of(headend)

        with pytest.raises(SamePerson):
            await desk.approve(held.id, by=held.request.source)
        with pytest.raises(TooLate):
            await desk.approve(waiting.id, by="Ana")
        approved = await desk.approve(held.id, by="Ana")

        assert (approved.approved_by, approved.next_at) == ("Ana", headend.start)
        assert headend.woken[-1] == ("meter:M-1", 0)

    in_virtual_time(scene())
