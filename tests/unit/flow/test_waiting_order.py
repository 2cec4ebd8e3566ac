"""Cancelled and superseded: only while no command has left."""

from datetime import timedelta

import pytest

from aforo.domain.causes import Cause
from aforo.domain.identifiers import OrderNumber
from aforo.domain.order_states import OrderState
from aforo.flow.waiting_order import approve, awaits_approval, can_be_cancelled, cancel, supersede
from cases import WEDNESDAY, an_order

UNSENT = [OrderState.RECEIVED, OrderState.HELD, OrderState.VALIDATED]


@pytest.mark.parametrize("state", OrderState)
def test_only_what_was_never_sent_can_be_cancelled(state: OrderState) -> None:
    assert can_be_cancelled(an_order(state)) is (state in UNSENT)


@pytest.mark.parametrize("state", UNSENT)
def test_a_cancelled_order_ends_with_who_and_why(state: OrderState) -> None:
    decision = cancel(an_order(state), by="Ana", reason="paid", now=WEDNESDAY)

    assert (decision.order.state, decision.order.cause) == (OrderState.CANCELLED, Cause.CANCELLED)
    assert (decision.order.detail, decision.order.next_at, decision.result) == ("by Ana: paid", None, 1)
    assert decision.facts[0].payload == {"order": "OS-1", "by": "Ana", "reason": "paid"}


def test_an_order_for_whose_meter_a_later_one_came_is_superseded() -> None:
    decision = supersede(an_order(), OrderNumber("OS-2"), WEDNESDAY)

    assert (decision.order.state, decision.order.cause, decision.result) == (
        OrderState.SUPERSEDED, Cause.SUPERSEDED, 1,
    )  # fmt: skip
    assert decision.facts[0].payload["by"] == "OS-2"


def test_an_approved_order_is_due_at_once_and_keeps_who_approved_it() -> None:
    held = an_order(OrderState.HELD, cause=Cause.AWAITING_APPROVAL, next_at=WEDNESDAY + timedelta(days=7))

    decision = approve(held, by="Ana", now=WEDNESDAY)

    assert (decision.order.state, decision.order.approved_by) == (OrderState.HELD, "Ana")
    assert (decision.order.next_at, decision.result) == (WEDNESDAY, 0)


@pytest.mark.parametrize(
    ("state", "cause", "awaits"),
    [
        (OrderState.HELD, Cause.AWAITING_APPROVAL, True),
        (OrderState.HELD, Cause.NOT_A_WORKING_DAY, False),
        (OrderState.VALIDATED, None, False),
    ],
)
def test_only_what_is_held_for_it_awaits_approval(state: OrderState, cause: Cause | None, awaits: bool) -> None:
    assert awaits_approval(an_order(state, cause=cause)) is awaits
