"""One order through any life: visits that succeed, fail or fall silent, late answers, broken links, passing time.

The test knows what the meter really holds; the order only knows what it is told.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aforo.domain.causes import Cause
from aforo.domain.identifiers import Epoch, Fence
from aforo.domain.order import Order
from aforo.domain.order_states import ENDS, OrderState
from aforo.domain.preconditions import Circumstances
from aforo.domain.quantities import PowerLimit
from aforo.domain.readback import CommandResult, Readback, Verdict
from aforo.domain.retry_plan import RetryPlan
from aforo.flow import step7_collect_result as step7
from aforo.flow.decision import Decision
from aforo.flow.step1_receive_order import receive_order
from aforo.flow.step2_route_to_headend import route_to_headend
from aforo.flow.step3_validate_meter import validate_meter
from aforo.flow.step4_dispatch_to_concentrator import dispatch, obstacle_now, procedure_of_visit
from aforo.flow.step7_collect_result import Collected
from aforo.flow.waiting_order import can_be_cancelled, cancel
from cases import SATURDAY, WEDNESDAY, a_meter, a_request

METER = a_meter()
KNOWN = Circumstances()
PLAN = RetryPlan.parse("20,3600,3600")
ORDERED, BEFORE = 2500, 6000


class OrderLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = WEDNESDAY
        self.meter_holds = BEFORE
        self.results: list[int] = []
        self.fences = 0
        self.out: str | None = None
        self.late: list[tuple[CommandResult, Fence]] = []
        self.states = [OrderState.RECEIVED]

    @initialize(
        begin=st.sampled_from([WEDNESDAY, SATURDAY]),
        hours=st.sampled_from([None, 0, 1, 2, 48]),
        special=st.sampled_from([None, "hospital"]),
    )
    def receive(self, begin: datetime, hours: int | None, special: str | None) -> None:
        self.now = begin
        not_after = None if hours is None else begin + timedelta(hours=hours)
        request = a_request(limit=PowerLimit(ORDERED), not_after=not_after, special=special)
        received = receive_order(request, order_id=1, now=begin)  # type: ignore[arg-type]
        self.order: Order = replace(received.order, version=1)
        self.commit(route_to_headend(self.order, METER, begin))

    def commit(self, decision: Decision) -> None:
        self.order = replace(decision.order, version=self.order.version + 1)
        if decision.result:
            self.results.append(decision.result)
        if self.order.state is not self.states[-1]:
            self.states.append(self.order.state)

    @property
    def is_due(self) -> bool:
        return self.order.next_at is not None and self.order.next_at <= self.now

    @rule(minutes=st.sampled_from([30, 600, 1440]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def wait_until_due(self) -> None:
        if self.order.next_at is not None:
            self.now = max(self.now, self.order.next_at)

    @precondition(lambda self: self.out is None and self.is_due)
    @rule()
    def turn(self) -> None:
        """The lane's session comes to this order."""
        if self.order.state in (OrderState.RECEIVED, OrderState.HELD):
            decision = validate_meter(self.order, METER, self.now, KNOWN)
            self.commit(decision)
            if decision.order.state is not OrderState.VALIDATED:
                return
        obstacle = obstacle_now(self.order, METER, self.now, KNOWN)
        if obstacle is not None:
            self.commit(obstacle)
            return
        self.fences += 1
        self.out = procedure_of_visit(self.order)
        if self.out == "LIMIT":
            self.check_it_may_run()
        self.commit(dispatch(self.order, METER, fence=Fence(self.fences), epoch=Epoch(1), now=self.now))

    def check_it_may_run(self) -> None:
        request = self.order.request
        assert request.not_after is None or self.now <= request.not_after
        assert request.special is not None or KNOWN.calendar.is_open(self.now, METER.time_zone)
        assert self.meter_holds != ORDERED or self.order.state is OrderState.VALIDATED

    def collect(self, result: CommandResult, fence: Fence) -> None:
        if step7.belongs(self.order, fence):
            self.commit(step7.collect(self.order, METER, Collected(result, self.now, fence), PLAN))

    def reading(self, *, written: int | None) -> Readback:
        held = self.meter_holds
        return Readback(BEFORE, written, held, held, 0, self.now)

    def end_visit(self, result: CommandResult) -> None:
        self.out = None
        self.collect(result, Fence(self.fences))

    @precondition(lambda self: self.out == "LIMIT")
    @rule()
    def it_is_carried_out(self) -> None:
        self.meter_holds = ORDERED
        self.end_visit(CommandResult(Verdict.OK, readback=self.reading(written=ORDERED)))

    @precondition(lambda self: self.out == "READ")
    @rule()
    def it_is_read(self) -> None:
        self.end_visit(CommandResult(Verdict.OK, readback=self.reading(written=None)))

    @precondition(lambda self: self.out is not None)
    @rule(cause=st.sampled_from([Cause.METER_UNREACHABLE, Cause.WRONG_KEY, Cause.METER_REFUSED, Cause.NOT_IN_TABLE]))
    def nothing_is_done(self, cause: Cause) -> None:
        self.end_visit(CommandResult(Verdict.KO, cause, "seen"))

    @precondition(lambda self: self.out == "LIMIT")
    @rule(arrives=st.booleans())
    def it_falls_silent(self, arrives: bool) -> None:
        self.meter_holds = ORDERED if arrives else self.meter_holds
        self.end_visit(CommandResult(Verdict.UNKNOWN, Cause.OUTCOME_UNKNOWN, "silence"))

    @precondition(lambda self: self.out is not None and self.order.state.may_have_left)
    @rule(arrives=st.booleans(), answers_later=st.booleans())
    def the_link_breaks(self, arrives: bool, answers_later: bool) -> None:
        """What the concentrator has goes on, and its result may come long after."""
        fence = Fence(self.fences)
        if self.out == "LIMIT" and arrives:
            self.meter_holds = ORDERED
        if answers_later:
            done = self.out == "READ" or arrives
            written = ORDERED if self.out == "LIMIT" else None
            result = (
                CommandResult(Verdict.OK, readback=self.reading(written=written))
                if done
                else CommandResult(Verdict.KO, Cause.METER_UNREACHABLE, "seen")
            )
            self.late.append((result, fence))
        self.out = None
        self.commit(step7.link_lost(self.order, "lost", self.now, PLAN))

    @precondition(lambda self: bool(self.late) and self.out is None)
    @rule()
    def a_late_result_comes(self) -> None:
        result, fence = self.late.pop(0)
        read = result.readback
        if not isinstance(read, Readback) or read.watts == self.meter_holds:
            self.collect(result, fence)

    @precondition(lambda self: can_be_cancelled(self.order) and self.out is None)
    @rule()
    def somebody_cancels_it(self) -> None:
        self.commit(cancel(self.order, by="CIS", reason="", now=self.now))

    @invariant()
    def it_ends_once_and_is_corrected_once_at_most(self) -> None:
        assert self.results in ([], [1], [1, 2])
        if self.results == [1, 2]:
            assert self.states[-2] is OrderState.UNCONFIRMED

    @invariant()
    def an_end_is_left_only_from_unconfirmed(self) -> None:
        assert all(state not in ENDS or state is OrderState.UNCONFIRMED for state in self.states[:-1])

    @invariant()
    def what_is_verified_is_what_the_meter_holds(self) -> None:
        if self.order.state is OrderState.VERIFIED:
            assert self.order.evidence is not None
            assert self.order.evidence["threshold_w"] == str(ORDERED) == str(self.meter_holds)
            assert self.order.evidence["written"] in (None, ORDERED)

    @invariant()
    def nothing_that_happened_is_told_as_not_happened(self) -> None:
        if self.order.state in (OrderState.FAILED, OrderState.EXPIRED, OrderState.CANCELLED, OrderState.REFUSED):
            assert self.meter_holds == BEFORE

    @invariant()
    def an_open_order_is_waited_for_or_due_some_time(self) -> None:
        if self.states[-1] not in ENDS and self.out is None:
            assert self.order.next_at is not None


OrderLife.TestCase.settings = settings(max_examples=1000, stateful_step_count=25, deadline=None)
TestOrderLife = OrderLife.TestCase
