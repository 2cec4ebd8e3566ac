"""An explanation fits the state: who is waited for, until when, and what would have to change."""

from datetime import timedelta

import pytest

from aforo.domain.causes import CAUSES, Cause
from aforo.domain.order_states import OrderState
from aforo.flow.explanation import MEANING, WAITS_FOR, explain
from cases import WEDNESDAY

LATER = WEDNESDAY + timedelta(hours=1)


@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("cause", [None, *Cause])
def test_every_state_and_cause_is_explained_in_both_languages(state: OrderState, cause: Cause | None) -> None:
    told = explain(state, cause, next_at=LATER, ended_at=WEDNESDAY if state.is_end else None)
    words = [each for each in (told.meaning, told.waits_for, told.remedy) if each is not None]
    assert all(each.es and each.en and each.es != each.en for each in words)
    assert (told.waits_for is None) == (state.is_end and state is not OrderState.UNCONFIRMED)
    assert (told.remedy is None) <= (cause in (None, Cause.CANCELLED, Cause.SUPERSEDED) or state is OrderState.VERIFIED)


def test_the_tables_leave_no_state_out() -> None:
    assert MEANING.keys() == set(OrderState)
    assert WAITS_FOR.keys() == {each for each in OrderState if not each.is_end} | {OrderState.UNCONFIRMED}


def test_what_waits_for_a_person_says_so() -> None:
    by_hand = explain(OrderState.HELD, Cause.AWAITING_APPROVAL, next_at=LATER, ended_at=None)
    by_hour = explain(OrderState.HELD, Cause.OUTSIDE_SERVICE_WINDOW, next_at=LATER, ended_at=None)
    assert by_hand.waits_for is not None
    assert "approve" in by_hand.waits_for.en
    assert by_hour.waits_for is not None
    assert "window" in by_hour.waits_for.en
    assert by_hour.until == LATER


def test_an_unconfirmed_order_may_change_for_a_day_and_no_longer() -> None:
    sought = explain(OrderState.UNCONFIRMED, Cause.OUTCOME_UNKNOWN, next_at=LATER, ended_at=WEDNESDAY)
    given_up = explain(OrderState.UNCONFIRMED, Cause.OUTCOME_UNKNOWN, next_at=None, ended_at=WEDNESDAY)
    assert (sought.until, sought.waits_for is None) == (WEDNESDAY + timedelta(hours=24), False)
    assert (given_up.until, given_up.waits_for) == (None, None)


@pytest.mark.parametrize("cause", Cause)
def test_only_what_the_plan_tries_again_is_said_to_be_tried_again(cause: Cause) -> None:
    waiting = explain(OrderState.VALIDATED, cause, next_at=LATER, ended_at=None)
    ended = explain(OrderState.FAILED, cause, next_at=None, ended_at=WEDNESDAY)
    assert waiting.is_tried_again == (CAUSES[cause].retry.value != "never")
    assert not ended.is_tried_again


def test_a_breach_says_that_the_limit_is_there_and_is_not_kept_to() -> None:
    told = explain(OrderState.FAILED, Cause.BREACHED, next_at=None, ended_at=WEDNESDAY)

    assert told.meaning.en == "The meter shows the limit, and the customer draws more than that."
    assert told.remedy is not None
    assert "control mode" in told.remedy.en
