"""LaneOrders: what may go out, what is decided instead, and decisions that others have overtaken."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from aforo.domain.causes import Cause
from aforo.domain.devices import Link
from aforo.domain.identifiers import Fence, OrderNumber, Source
from aforo.domain.order import Order
from aforo.domain.order_kinds import READ
from aforo.domain.order_states import OrderState
from aforo.domain.readback import CommandResult, Verdict
from aforo.domain.retry_plan import RetryPlan
from aforo.engine.lane_orders import DECISIONS_MAX, LaneOrders
from aforo.engine.ports import StaleOrder
from aforo.flow.decision import Decision
from cases import SATURDAY, WEDNESDAY, a_request
from unit.engine.engine_situations import HeadEnd
from unit.engine.virtual_time import in_virtual_time

SECOND = timedelta(seconds=1)


def lane_of(headend: HeadEnd, lane: str = "meter:M-1") -> LaneOrders:
    return LaneOrders(lane, headend.ports)


async def overtaken(headend: HeadEnd, order: Order) -> Order:
    """Somebody else decides about the order as it now stands."""
    current = await headend.now(order)
    return await headend.book.commit(Decision(replace(current, detail=f"{current.detail}!"), ()))


def detailed(order: Order) -> Decision:
    return Decision(replace(order, detail=f"{order.detail} mine"), ())


def test_an_order_that_nothing_stands_against_is_claimed_and_unchanged_by_it() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        meter = await headend.direct_meter()
        order = await headend.order()

        (claim,) = await lane_of(headend).claim(10)

        assert (claim.order, claim.meter) == (order, meter)
        assert await headend.now(order) == order

    in_virtual_time(scene())


def test_more_may_be_due_when_as_many_as_asked_for_came_or_one_was_decided_on_the_way() -> None:
    """Of a meter's orders the later one comes up when the first is decided about, which a lane must not miss."""

    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        overtaken = await headend.order(request=a_request(number=OrderNumber("OS-1")))
        order = await headend.order(request=a_request(number=OrderNumber("OS-2"), digest="d2"))
        lane = lane_of(headend)

        assert await lane.claim(10) == []
        assert (await headend.now(overtaken)).state is OrderState.SUPERSEDED
        assert lane.may_have_more

        assert [claim.order.id for claim in await lane.claim(10)] == [order.id]
        assert not lane.may_have_more
        assert len(await lane.claim(1)) == 1
        assert lane.may_have_more

    in_virtual_time(scene())


def test_handing_out_is_durable_and_gives_each_order_a_higher_fence() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        for number in ("M-1", "M-2"):
            await headend.direct_meter(number)
            await headend.order(number, lane=f"meter:{number}")
        given = []
        for lane in (lane_of(headend, "meter:M-1"), lane_of(headend, "meter:M-2")):
            (claim,) = await lane.claim(1)
            handed = await lane.hand_out(claim, await headend.ledger.open_epoch(lane.lane))
            assert handed is not None
            given.append(handed)

        assert [order.fence for order in given] == [1, 2]
        for order in given:
            assert await headend.now(order) == order
            assert order.state is OrderState.DISPATCHED

    in_virtual_time(scene())


def test_callers_take_turns_at_a_concentrator_however_many_orders_one_of_them_has() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        lane = lane_of(headend, "concentrator:C-1")
        await headend.concentrator()
        for number in range(6):
            await headend.linked_meter(Link.DELEGATED, f"M-{number}")
            source = Source("CAMPAIGN" if number < 4 else "OFFICE")
            await headend.order(f"M-{number}", lane=lane.lane, request=replace(a_request(), source=source))
        epoch, went = await headend.ledger.open_epoch(lane.lane), []
        for _ in range(6):
            (claim,) = await lane.claim(1)
            await lane.hand_out(claim, epoch)
            went.append(str(claim.order.request.source))

        assert went == ["CAMPAIGN", "OFFICE", "CAMPAIGN", "OFFICE", "CAMPAIGN", "CAMPAIGN"]

    in_virtual_time(scene())


def test_a_claim_overtaken_before_it_is_handed_out_stays_behind() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        order = await headend.order()
        (claim,) = await lane_of(headend).claim(1)
        current = await overtaken(headend, order)

        assert await lane_of(headend).hand_out(claim, await headend.ledger.open_epoch("meter:M-1")) is None
        assert await headend.now(order) == current

    in_virtual_time(scene())


def test_a_decision_that_was_overtaken_is_made_anew_on_the_order_as_it_stands() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        order = await headend.order()
        await overtaken(headend, order)
        await overtaken(headend, order)

        decided = await lane_of(headend).decide(order, detailed)

        assert decided is not None
        assert decided.detail == "!! mine"
        assert decided == await headend.now(order)

    in_virtual_time(scene())


def test_a_decision_that_no_longer_matters_is_not_made() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        order = await headend.order()
        current = await overtaken(headend, order)

        decided = await lane_of(headend).decide(order, lambda now: detailed(now) if now == order else None)

        assert decided is None
        assert await headend.now(order) == current

    in_virtual_time(scene())


def test_a_decision_overtaken_every_time_is_given_up_with_its_order_untouched() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        order = await headend.order()
        seen: list[int] = []

        def outdated(current: Order) -> Decision:
            seen.append(current.version)
            return detailed(replace(current, version=current.version - 1))

        with pytest.raises(StaleOrder, match=str(DECISIONS_MAX)):
            await lane_of(headend).decide(order, outdated)

        assert seen == [1] * DECISIONS_MAX
        assert await headend.now(order) == order

    in_virtual_time(scene())


def test_an_order_whose_meter_has_moved_goes_to_the_meter_s_new_lane() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        order = await headend.order(lane="concentrator:C-1")

        claims = await lane_of(headend, "concentrator:C-1").claim(10)

        assert claims == []
        assert (await headend.now(order)).lane == "meter:M-1"
        assert headend.woken[-1] == ("meter:M-1", 0)
        assert [claim.order.id for claim in await lane_of(headend).claim(10)] == [order.id]

    in_virtual_time(scene())


def test_an_order_whose_not_after_has_passed_expires_with_its_result() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        order = await headend.order(request=a_request(not_after=WEDNESDAY - SECOND))

        claims = await lane_of(headend).claim(10)

        current = await headend.now(order)
        assert claims == []
        assert (current.state, current.cause) == (OrderState.EXPIRED, Cause.EXPIRED)
        assert [one.order_id for one in await headend.deliveries.outbox(10)] == [order.id]

    in_virtual_time(scene())


@pytest.mark.parametrize("special", [None, "emergency"])
def test_outside_the_service_window_an_order_is_held_unless_it_is_special(special: str | None) -> None:
    async def scene() -> None:
        headend = HeadEnd(start=SATURDAY)
        await headend.direct_meter()
        order = await headend.order(request=a_request(special=special), wait=0)

        claims = await lane_of(headend).claim(10)

        current = await headend.now(order)
        if special:
            assert [claim.order for claim in claims] == [order]
        else:
            assert (claims, current.state) == ([], OrderState.HELD)
            # Monday 08:00 in Santiago.
            assert current.next_at == SATURDAY.replace(day=30, hour=11)
            assert headend.woken[-1] == ("meter:M-1", 44 * 3600)

    in_virtual_time(scene())


def test_a_held_order_is_validated_again_when_its_day_begins() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        order = await headend.order(state=OrderState.HELD)

        (claim,) = await lane_of(headend).claim(10)

        assert (claim.order.id, claim.order.state) == (order.id, OrderState.VALIDATED)
        assert "MeterValidated" in await headend.facts_of(order)

    in_virtual_time(scene())


@pytest.mark.parametrize(
    ("changes", "cause"),
    [({"commissioned": False}, Cause.NOT_COMMISSIONED), ({"max_power_w": 2499}, Cause.LIMIT_ABOVE_RATING)],
)
def test_an_order_that_the_registry_no_longer_allows_is_refused(changes: dict[str, Any], cause: Cause) -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter(**changes)
        order = await headend.order()

        assert await lane_of(headend).claim(10) == []

        current = await headend.now(order)
        assert (current.state, current.cause) == (OrderState.REFUSED, cause)

    in_virtual_time(scene())


def test_a_command_that_is_out_is_never_refused_for_what_the_registry_says_now() -> None:
    """Its meter is gone from the registry: nobody can be asked, so in the end it is not known."""

    async def scene() -> None:
        headend = HeadEnd(plan=RetryPlan((timedelta(0),)))
        order = await headend.order(state=OrderState.RECONCILING)
        states = []
        for _ in range(2):
            assert await lane_of(headend).claim(10) == []
            states.append((await headend.now(order)).state)

        assert states == [OrderState.UNCONFIRMED, OrderState.UNCONFIRMED]
        assert (await headend.now(order)).cause is Cause.OUTCOME_UNKNOWN

    in_virtual_time(scene())


def test_a_command_that_is_out_is_read_whatever_the_day_and_its_not_after() -> None:
    async def scene() -> None:
        headend = HeadEnd(start=SATURDAY)
        await headend.direct_meter()
        request = a_request(not_after=SATURDAY - SECOND)
        order = await headend.order(state=OrderState.RECONCILING, request=request)
        lane = lane_of(headend)

        (claim,) = await lane.claim(10)
        handed = await lane.hand_out(claim, await headend.ledger.open_epoch(lane.lane))

        assert handed is not None
        assert handed.state is OrderState.RECONCILING
        assert handed.command_fence == order.command_fence
        assert handed.fence != order.fence

    in_virtual_time(scene())


def test_a_result_of_a_visit_that_no_longer_matters_is_dropped() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        meter = await headend.direct_meter()
        order = await headend.order(state=OrderState.DISPATCHED)
        late = CommandResult(Verdict.KO, Cause.METER_UNREACHABLE, "late")

        collected = await lane_of(headend).collect(order, meter, late, Fence(6))

        assert collected is None
        assert await headend.now(order) == order

    in_virtual_time(scene())


def test_a_lost_link_leaves_what_was_out_to_be_read_and_what_waits_alone() -> None:
    async def scene() -> None:
        headend = HeadEnd()
        out = await headend.order("M-1", lane="relay:C-1", state=OrderState.IN_PROGRESS)
        later = await headend.order("M-2", lane="relay:C-1", state=OrderState.RECONCILING, wait=90)
        waits = await headend.order("M-3", lane="relay:C-1")
        elsewhere = await headend.order("M-4", lane="relay:C-2", state=OrderState.DISPATCHED)

        await lane_of(headend, "relay:C-1").lose("the link was lost")

        lost = await headend.now(out)
        assert (lost.state, lost.next_at, lost.detail) == (OrderState.RECONCILING, WEDNESDAY, "the link was lost")
        for order in (later, waits, elsewhere):
            assert await headend.now(order) == order

    in_virtual_time(scene())


def test_a_visit_that_could_not_begin_uses_one_of_the_attempts_and_the_last_one_fails() -> None:
    async def scene() -> None:
        headend = HeadEnd(plan=RetryPlan((20 * SECOND,)))
        order = await headend.order(request=a_request(kind=READ, limit=None))
        lane, attempts = lane_of(headend), []
        for _ in range(2):
            await lane.not_sent(await headend.now(order), Cause.NOT_IN_TABLE, "not listed")
            current = await headend.now(order)
            attempts.append((current.state, current.attempts, current.cause))

        assert attempts == [
            (OrderState.VALIDATED, 1, Cause.NOT_IN_TABLE),
            (OrderState.FAILED, 2, Cause.NOT_IN_TABLE),
        ]
        assert headend.results == 1

    in_virtual_time(scene())


@pytest.mark.parametrize("link", [Link.DELEGATED, Link.TRANSPARENT])
def test_the_two_uses_of_one_concentrator_are_two_lanes(link: Link) -> None:
    async def scene() -> None:
        headend = HeadEnd()
        await headend.concentrator()
        await headend.linked_meter(link)
        lanes = {Link.DELEGATED: "concentrator:C-1", Link.TRANSPARENT: "relay:C-1"}
        order = await headend.order(lane=lanes[link])

        assert [claim.order for claim in await lane_of(headend, lanes[link]).claim(10)] == [order]

    in_virtual_time(scene())


def test_an_older_order_never_undoes_a_newer_one_that_was_verified() -> None:
    """It was waiting for its retry while the newer one was carried out."""

    async def scene() -> None:
        headend = HeadEnd()
        await headend.direct_meter()
        old = await headend.order()
        newer = await headend.order(state=OrderState.VERIFIED)

        assert await lane_of(headend).claim(10) == []

        current = await headend.now(old)
        assert (current.state, current.cause) == (OrderState.SUPERSEDED, Cause.SUPERSEDED)
        assert newer.number in current.detail

    in_virtual_time(scene())
