"""A retry plan is a list of waits that ends."""

from datetime import timedelta

import pytest

from aforo.domain.retry_plan import RetryPlan
from cases import WEDNESDAY


def test_each_attempt_waits_as_the_plan_says_and_the_last_one_is_the_last() -> None:
    plan = RetryPlan.parse("20, 120")

    assert [plan.next_at(attempts, WEDNESDAY) for attempts in (1, 2, 3)] == [
        WEDNESDAY + timedelta(seconds=20),
        WEDNESDAY + timedelta(seconds=120),
        None,
    ]


def test_an_empty_plan_is_a_single_attempt() -> None:
    assert RetryPlan.parse("").next_at(1, WEDNESDAY) is None


@pytest.mark.parametrize("text", ["20;40", "soon", "-1"])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="retry plan"):
        RetryPlan.parse(text)
