"""Step 4: what the concentrator is told, and what keeps an order from leaving."""

from datetime import datetime, timedelta

import pytest

from aforo.dclink.messages import ItemKind
from aforo.domain.causes import Cause
from aforo.domain.identifiers import Epoch, Fence
from aforo.domain.order_states import OrderState
from aforo.domain.preconditions import Circumstances
from aforo.flow import step4_dispatch_to_concentrator as step4
from cases import SATURDAY, WEDNESDAY, a_meter, a_request, an_order

NOT_AFTER = WEDNESDAY + timedelta(hours=1)

KNOWN = Circumstances()


def test_an_order_is_handed_over_with_its_amount_fence_epoch_priority_and_not_after() -> None:
    order = an_order(request=a_request(not_after=NOT_AFTER))

    handed = step4.dispatch(order, a_meter(), fence=Fence(9), epoch=Epoch(3), now=WEDNESDAY).order
    item = step4.order_item(handed, a_meter(), Epoch(3), latest=handed.request.latest_start)

    assert handed.state is OrderState.DISPATCHED
    assert (handed.attempts, handed.next_at, handed.command_fence) == (1, None, Fence(9))
    assert (item.limit_w, item.fence, item.epoch, item.priority, item.not_after) == (2500, 9, 3, 0, NOT_AFTER)
    assert item.kind is ItemKind.LIMIT


def test_an_order_of_unknown_outcome_is_only_read_and_its_commands_fence_is_remembered() -> None:
    order = an_order(OrderState.RECONCILING)

    handed = step4.dispatch(order, a_meter(), fence=Fence(9), epoch=Epoch(3), now=WEDNESDAY).order
    item = step4.order_item(handed, a_meter(), Epoch(3), latest=handed.request.latest_start)

    assert handed.state is OrderState.RECONCILING
    assert (handed.fence, handed.command_fence) == (Fence(9), Fence(7))
    assert (item.kind, item.limit_w, item.not_after) == (ItemKind.READ, 0, None)


def test_an_order_that_waited_past_its_time_does_not_leave() -> None:
    late = an_order(request=a_request(not_after=WEDNESDAY))

    decision = step4.obstacle_now(late, a_meter(), WEDNESDAY + timedelta(seconds=1), KNOWN)

    assert decision is not None
    assert (decision.order.state, decision.order.cause) == (OrderState.EXPIRED, Cause.EXPIRED)


def test_an_order_that_waited_into_the_weekend_is_held_again() -> None:
    decision = step4.obstacle_now(an_order(), a_meter(), SATURDAY, KNOWN)

    assert decision is not None
    assert decision.order.state is OrderState.HELD


@pytest.mark.parametrize("now", [SATURDAY, WEDNESDAY + timedelta(days=400)])
def test_reading_is_allowed_on_any_day_and_at_any_time(now: datetime) -> None:
    unknown = an_order(OrderState.RECONCILING, request=a_request(not_after=WEDNESDAY))

    assert step4.obstacle_now(unknown, a_meter(), now, KNOWN) is None


def test_a_taken_order_is_in_progress_and_one_being_reconciled_stays_so() -> None:
    assert step4.taken(an_order(OrderState.DISPATCHED), WEDNESDAY).order.state is OrderState.IN_PROGRESS
    assert step4.taken(an_order(OrderState.RECONCILING), WEDNESDAY).order.state is OrderState.RECONCILING
