"""Step 7: what a visit's result makes of an order; above all, what silence does not make of it."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from aforo.domain.causes import CAUSES, Cause, Retry
from aforo.domain.confirmation import FIRST_AFTER
from aforo.domain.identifiers import Fence, OrderNumber
from aforo.domain.order import Order
from aforo.domain.order_states import OrderState
from aforo.domain.readback import Breaker, CommandResult, Readback, Verdict
from aforo.domain.retry_plan import RetryPlan
from aforo.flow import step7_collect_result as step7
from aforo.flow.decision import Decision
from aforo.flow.step7_collect_result import Collected
from cases import WEDNESDAY, a_meter, an_order

PLAN = RetryPlan.parse("20,120")
OUT = an_order(OrderState.IN_PROGRESS)
UNKNOWN = an_order(OrderState.RECONCILING, fence=Fence(9), attempts=2, next_at=None)
"""Its command went under fence 7; a reading is out under fence 9."""


def readback(watts: int = 2500) -> Readback:
    return Readback(
        before=990, written=250, threshold=watts // 10, active=watts // 10, scaler=1, read_at=WEDNESDAY,
        breaker=Breaker.CONNECTED,
    )  # fmt: skip


def collect(order: Order, result: CommandResult, fence: int | None = None) -> Decision:
    of = Fence(fence) if fence is not None else order.fence
    assert of is not None
    return step7.collect(order, a_meter(), Collected(result, WEDNESDAY, of), PLAN)


def ko(cause: Cause) -> CommandResult:
    return CommandResult(Verdict.KO, cause, "seen")


SILENT = CommandResult(Verdict.UNKNOWN, Cause.OUTCOME_UNKNOWN, "no answer to SetRequest")


def test_verified_means_read_back_and_equal_with_the_proof_kept() -> None:
    decision = collect(OUT, CommandResult(Verdict.OK, readback=readback()))

    assert decision.order.state is OrderState.VERIFIED
    assert decision.ends
    assert decision.order.evidence is not None
    assert decision.order.evidence["threshold_w"] == "2500"
    assert [fact.name for fact in decision.facts] == ["MeterCommanded", "MeterAnswered", "ResultCollected"]


def test_an_ok_without_values_read_back_proves_nothing() -> None:
    decision = collect(OUT, CommandResult(Verdict.OK))

    assert (decision.order.state, decision.order.cause) == (OrderState.RECONCILING, Cause.OUTCOME_UNKNOWN)


def test_an_ok_with_another_value_is_not_believed() -> None:
    decision = collect(OUT, CommandResult(Verdict.OK, readback=readback(2600)))

    assert (decision.order.state, decision.order.cause) == (OrderState.VALIDATED, Cause.VERIFY_MISMATCH)


def test_silence_after_the_command_is_reconciled_and_never_failed() -> None:
    decision = collect(OUT, SILENT)

    assert (decision.order.state, decision.order.next_at) == (OrderState.RECONCILING, WEDNESDAY)
    assert not decision.ends


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.EXPIRED])
def test_a_refusal_is_tried_again_exactly_when_its_cause_says_so(cause: Cause) -> None:
    first = collect(OUT, ko(cause)).order
    second = collect(replace(OUT, attempts=2), ko(cause)).order

    again = {Retry.NEVER: (False, False), Retry.ONCE: (True, False), Retry.PLAN: (True, True)}
    again[Retry.WHEN_BACK] = (True, True)
    expected = tuple(OrderState.VALIDATED if yes else OrderState.FAILED for yes in again[CAUSES[cause].retry])
    assert (first.state, second.state) == expected
    assert (first.cause, second.cause) == (cause, cause)


def test_an_exhausted_plan_fails_with_the_last_cause() -> None:
    decision = collect(replace(OUT, attempts=3), ko(Cause.METER_UNREACHABLE))

    assert (decision.order.state, decision.order.cause) == (OrderState.FAILED, Cause.METER_UNREACHABLE)


def test_a_concentrator_that_saw_not_after_pass_lets_the_order_expire() -> None:
    for order in (OUT, UNKNOWN):
        bound = replace(order, request=replace(order.request, not_after=WEDNESDAY))
        assert collect(bound, ko(Cause.EXPIRED), fence=7).order.state is OrderState.EXPIRED


@pytest.mark.parametrize("not_after", [None, WEDNESDAY + timedelta(hours=3)])
def test_an_order_that_only_the_service_window_ended_is_tried_again_and_has_used_no_attempt(
    not_after: datetime | None,
) -> None:
    bound = replace(OUT, request=replace(OUT.request, not_after=not_after))

    order = collect(bound, ko(Cause.EXPIRED)).order

    assert (order.state, order.cause) == (OrderState.VALIDATED, Cause.OUTSIDE_SERVICE_WINDOW)
    assert order.attempts == OUT.attempts - 1
    assert order.next_at is not None


def test_a_reading_decides_an_unknown_outcome() -> None:
    same = collect(UNKNOWN, CommandResult(Verdict.OK, readback=replace(readback(), written=None)))
    other = collect(UNKNOWN, CommandResult(Verdict.OK, readback=replace(readback(9900), written=None)))

    assert same.order.state is OrderState.VERIFIED
    assert other.order.state is OrderState.VALIDATED


def test_a_reading_that_fails_leaves_the_outcome_unknown_until_the_plan_ends() -> None:
    assert collect(UNKNOWN, ko(Cause.METER_UNREACHABLE)).order.state is OrderState.RECONCILING

    last = collect(replace(UNKNOWN, attempts=3), ko(Cause.METER_UNREACHABLE))

    assert (last.order.state, last.order.cause) == (OrderState.UNCONFIRMED, Cause.OUTCOME_UNKNOWN)


def test_a_late_result_of_the_command_itself_is_still_its_result() -> None:
    late_ok = collect(UNKNOWN, CommandResult(Verdict.OK, readback=readback()), fence=7)
    late_ko = collect(UNKNOWN, ko(Cause.METER_UNREACHABLE), fence=7)

    assert late_ok.order.state is OrderState.VERIFIED
    assert late_ko.order.state is OrderState.VALIDATED, "a KO of the command means that nothing was written"


UNCONFIRMED = an_order(
    OrderState.UNCONFIRMED, fence=Fence(9), command_fence=Fence(7), attempts=3, next_at=WEDNESDAY + FIRST_AFTER
)
"""It ended a moment ago; the next reading is due in ten minutes."""


def test_an_unconfirmed_order_is_read_again_and_its_end_is_the_first_result() -> None:
    last = collect(replace(UNKNOWN, attempts=3), ko(Cause.METER_UNREACHABLE))

    assert (last.order.state, last.result) == (OrderState.UNCONFIRMED, 1)
    assert last.order.next_at == WEDNESDAY + FIRST_AFTER


@pytest.mark.parametrize(
    ("result", "fence", "state", "cause"),
    [
        (CommandResult(Verdict.OK, readback=readback()), 9, OrderState.VERIFIED, None),
        (CommandResult(Verdict.OK, readback=readback()), 7, OrderState.VERIFIED, None),
        (CommandResult(Verdict.OK, readback=readback(9900)), 9, OrderState.FAILED, Cause.VERIFY_MISMATCH),
        (ko(Cause.HARDWARE_FAULT), 7, OrderState.FAILED, Cause.HARDWARE_FAULT),
    ],
)
def test_a_later_truth_is_a_second_result_of_the_same_order(
    result: CommandResult, fence: int, state: OrderState, cause: Cause | None
) -> None:
    decision = collect(UNCONFIRMED, result, fence=fence)

    assert (decision.order.state, decision.order.cause, decision.result) == (state, cause, 2)
    assert decision.order.next_at is None


@pytest.mark.parametrize("result", [SILENT, ko(Cause.METER_UNREACHABLE), CommandResult(Verdict.OK)])
def test_a_reading_that_tells_nothing_changes_nothing_but_the_next_one(result: CommandResult) -> None:
    decision = collect(UNCONFIRMED, result)

    assert (decision.order.state, decision.ends) == (OrderState.UNCONFIRMED, False)
    assert (decision.order.cause, decision.order.ended_at) == (UNCONFIRMED.cause, UNCONFIRMED.ended_at)
    assert decision.order.next_at == WEDNESDAY + FIRST_AFTER


def test_a_reading_that_cannot_even_begin_is_tried_again_later_and_not_for_ever() -> None:
    hours = [step7.not_sent(UNCONFIRMED, Cause.CONCENTRATOR_UNREACHABLE, "why", WEDNESDAY + timedelta(hours=hour), PLAN)
             for hour in (0, 1, 11, 13)]  # fmt: skip

    assert [decision.order.state for decision in hours] == [OrderState.UNCONFIRMED] * 4
    assert [decision.order.next_at for decision in hours] == [
        WEDNESDAY + FIRST_AFTER, WEDNESDAY + timedelta(hours=2), WEDNESDAY + timedelta(hours=22), None
    ]  # fmt: skip


def test_what_a_later_verified_order_has_overtaken_is_no_longer_asked_about() -> None:
    decision = step7.overtaken(UNCONFIRMED, OrderNumber("OS-9"), WEDNESDAY)

    assert (decision.order.state, decision.order.next_at, decision.ends) == (OrderState.UNCONFIRMED, None, False)
    assert decision.facts[0].payload["by"] == "OS-9"


@pytest.mark.parametrize(
    ("order", "fence", "belongs"),
    [(UNCONFIRMED, 7, True), (UNCONFIRMED, 9, True), (UNCONFIRMED, 8, False),
     (OUT, 7, True), (OUT, 6, False), (UNKNOWN, 7, True), (UNKNOWN, 9, True), (UNKNOWN, 8, False),
     (an_order(OrderState.VERIFIED, fence=Fence(7), command_fence=Fence(7)), 7, False)],
)  # fmt: skip
def test_a_result_belongs_to_an_order_that_is_out_under_its_fence(order: Order, fence: int, belongs: bool) -> None:
    assert step7.belongs(order, Fence(fence)) is belongs


def test_a_visit_that_was_not_possible_counts_and_ends_with_the_plan() -> None:
    waiting = an_order()

    def not_sent(attempts: int, cause: Cause = Cause.NOT_IN_TABLE) -> Order:
        return step7.not_sent(replace(waiting, attempts=attempts), cause, "why", WEDNESDAY, PLAN).order

    assert (not_sent(0).state, not_sent(0).next_at) == (OrderState.VALIDATED, WEDNESDAY + timedelta(seconds=20))
    assert (not_sent(2).state, not_sent(2).cause) == (OrderState.FAILED, Cause.NOT_IN_TABLE)
    assert not_sent(0, Cause.WRONG_KEY).state is OrderState.FAILED, "a key problem is not waited out"


def test_a_cause_that_takes_its_time_rests_longer_unless_the_plan_is_the_operator_s_own() -> None:
    waiting, ten_minutes = an_order(), timedelta(minutes=10)

    usual = step7.not_sent(waiting, Cause.NOT_IN_TABLE, "why", WEDNESDAY, RetryPlan()).order
    own = step7.not_sent(waiting, Cause.NOT_IN_TABLE, "why", WEDNESDAY, RetryPlan.parse("20,3600")).order

    assert usual.next_at == WEDNESDAY + ten_minutes
    assert own.next_at == WEDNESDAY + timedelta(seconds=20)


def test_what_may_have_left_is_never_failed_because_the_concentrator_is_silent() -> None:
    for attempts in range(4):
        order = replace(UNKNOWN, attempts=attempts)
        after = step7.not_sent(order, Cause.CONCENTRATOR_UNREACHABLE, "why", WEDNESDAY, PLAN).order

        assert after.state in (OrderState.RECONCILING, OrderState.UNCONFIRMED)
        assert after.cause is Cause.OUTCOME_UNKNOWN


def test_an_order_that_never_arrived_goes_again_without_losing_an_attempt() -> None:
    again = step7.never_arrived(OUT, WEDNESDAY, PLAN).order
    read_again = step7.never_arrived(UNKNOWN, WEDNESDAY, PLAN).order

    assert (again.state, again.attempts, again.next_at) == (OrderState.VALIDATED, 0, WEDNESDAY)
    assert (read_again.state, read_again.next_at) == (OrderState.RECONCILING, WEDNESDAY)


def test_a_hand_over_lost_with_its_link_is_repeated_at_once_and_then_under_the_plan() -> None:
    def lost(attempts: int) -> Order:
        order = an_order(OrderState.RECONCILING, attempts=attempts)
        return step7.never_arrived(order, WEDNESDAY, PLAN).order

    assert (lost(1).state, lost(1).attempts, lost(1).next_at) == (OrderState.VALIDATED, 1, WEDNESDAY)
    assert (lost(2).state, lost(2).next_at) == (OrderState.VALIDATED, WEDNESDAY + timedelta(seconds=120))
    assert (lost(3).state, lost(3).cause) == (OrderState.FAILED, Cause.CONCENTRATOR_UNREACHABLE)


@pytest.mark.parametrize(("code", "cause"), [("NOT_IN_TABLE", Cause.NOT_IN_TABLE), ("X", Cause.CONCENTRATOR_FAULT)])
def test_a_concentrators_unknown_code_is_its_fault_and_kept_in_words(code: str, cause: Cause) -> None:
    result = step7.refused_submission(code)

    assert (result.verdict, result.cause) == (Verdict.KO, cause)
    assert code in result.detail


def test_a_concentrator_that_is_away_uses_no_attempt_and_is_waited_for_until_the_deadline() -> None:
    order = an_order(OrderState.VALIDATED, attempts=1, deadline=WEDNESDAY + timedelta(hours=24))

    def away(after: timedelta) -> Order:
        return step7.not_sent(order, Cause.CONCENTRATOR_UNREACHABLE, "why", WEDNESDAY + after, PLAN).order

    for after, wait in ((0, 20), (60, 60), (9999, 600)):
        assert away(timedelta(seconds=after)).next_at == WEDNESDAY + timedelta(seconds=after + wait)
    assert {away(timedelta(hours=hours)).attempts for hours in range(24)} == {1}
    assert away(timedelta(hours=23, minutes=59)).next_at == order.deadline
    at_last = away(timedelta(hours=24))
    assert (at_last.state, at_last.cause) == (OrderState.FAILED, Cause.CONCENTRATOR_UNREACHABLE)


def test_a_relay_that_is_away_gives_the_visit_s_attempt_back() -> None:
    out = replace(OUT, attempts=2, deadline=WEDNESDAY + timedelta(hours=24))
    decision = collect(out, ko(Cause.CONCENTRATOR_UNREACHABLE))

    assert (decision.order.state, decision.order.attempts) == (OrderState.VALIDATED, 1)


def test_what_may_have_left_is_read_under_the_plan_even_while_the_concentrator_is_away() -> None:
    waiting = replace(UNKNOWN, deadline=WEDNESDAY + timedelta(hours=24), attempts=2)

    assert step7.not_sent(waiting, Cause.CONCENTRATOR_UNREACHABLE, "why", WEDNESDAY, PLAN).order.state is (
        OrderState.UNCONFIRMED
    )
