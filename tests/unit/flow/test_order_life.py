"""One order of any kind through any life: visits that succeed, fail or fall silent, late answers, broken links, time.

The test knows what the meter really does; the order only knows what it is told.
"""

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from aforo.domain.causes import Cause
from aforo.domain.identifiers import Epoch, Fence
from aforo.domain.order import Order
from aforo.domain.order_kinds import DISCONNECT, LIMIT, LIMIT_REMOVE, RECONNECT, OrderKind
from aforo.domain.order_states import ENDS, OrderState
from aforo.domain.preconditions import Circumstances
from aforo.domain.quantities import PowerLimit
from aforo.domain.readback import Breaker, CommandResult, Evidence, Readback, SupplyReadback, Verdict
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
CONTRACTED = METER.contracted_power_w
LIMITS = {LIMIT: (BEFORE, ORDERED), LIMIT_REMOVE: (ORDERED, CONTRACTED)}
SWITCHES = {
    DISCONNECT: (Breaker.CONNECTED, Breaker.DISCONNECTED),
    RECONNECT: (Breaker.DISCONNECTED, Breaker.CONNECTED),
}
"""By kind: how the meter was before, and how it is when the order has been carried out."""


def evidence(kind: OrderKind, *, is_done: bool, is_commanded: bool, now: datetime) -> Evidence:
    if kind in LIMITS:
        before, after = LIMITS[kind]
        held = after if is_done else before
        return Readback(before, after if is_commanded else None, held, held, 0, now)
    was, becomes = SWITCHES[kind]
    state = becomes if is_done else was
    return SupplyReadback(was, state, state is Breaker.CONNECTED, is_commanded, now)


class OrderLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = WEDNESDAY
        self.is_done = False
        self.results: list[int] = []
        self.fences = 0
        self.out: str | None = None
        self.late: list[tuple[CommandResult, Fence]] = []
        self.states = [OrderState.RECEIVED]

    @initialize(
        kind=st.sampled_from([*LIMITS, *SWITCHES]),
        begin=st.sampled_from([WEDNESDAY, SATURDAY]),
        hours=st.sampled_from([None, 0, 1, 2, 48]),
        special=st.sampled_from([None, "hospital"]),
    )
    def receive(self, kind: OrderKind, begin: datetime, hours: int | None, special: str | None) -> None:
        self.now = begin
        not_after = None if hours is None else begin + timedelta(hours=hours)
        limit = PowerLimit(ORDERED) if kind.takes_limit else None
        request = a_request(kind=kind, limit=limit, not_after=not_after, special=special)
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
        if self.is_commanding:
            self.check_it_may_run()
        self.commit(dispatch(self.order, METER, fence=Fence(self.fences), epoch=Epoch(1), now=self.now))

    def check_it_may_run(self) -> None:
        request = self.order.request
        assert request.not_after is None or self.now <= request.not_after
        is_open = KNOWN.calendar.is_open(self.now, METER.time_zone)
        assert is_open or request.special is not None or self.order.kind not in (LIMIT, DISCONNECT)
        assert not self.is_done or self.order.state is OrderState.VALIDATED

    def collect(self, result: CommandResult, fence: Fence) -> None:
        if step7.belongs(self.order, fence):
            self.commit(step7.collect(self.order, METER, Collected(result, self.now, fence), PLAN))

    @property
    def is_commanding(self) -> bool:
        return self.out == self.order.kind.command

    def reading(self, *, is_commanded: bool) -> Evidence:
        return evidence(self.order.kind, is_done=self.is_done, is_commanded=is_commanded, now=self.now)

    def end_visit(self, result: CommandResult) -> None:
        self.out = None
        self.collect(result, Fence(self.fences))

    @precondition(lambda self: self.is_commanding)
    @rule()
    def it_is_carried_out(self) -> None:
        self.is_done = True
        self.end_visit(CommandResult(Verdict.OK, readback=self.reading(is_commanded=True)))

    @precondition(lambda self: self.out == self.order.kind.look)
    @rule()
    def it_is_read(self) -> None:
        self.end_visit(CommandResult(Verdict.OK, readback=self.reading(is_commanded=False)))

    @precondition(lambda self: self.out is not None)
    @rule(cause=st.sampled_from([Cause.METER_UNREACHABLE, Cause.WRONG_KEY, Cause.METER_REFUSED, Cause.NOT_IN_TABLE]))
    def nothing_is_done(self, cause: Cause) -> None:
        self.end_visit(CommandResult(Verdict.KO, cause, "seen"))

    @precondition(lambda self: self.is_commanding)
    @rule(arrives=st.booleans())
    def it_falls_silent(self, arrives: bool) -> None:
        self.is_done = self.is_done or arrives
        self.end_visit(CommandResult(Verdict.UNKNOWN, Cause.OUTCOME_UNKNOWN, "silence"))

    @precondition(lambda self: self.out is not None and self.order.state.may_have_left)
    @rule(arrives=st.booleans(), answers_later=st.booleans())
    def the_link_breaks(self, arrives: bool, answers_later: bool) -> None:
        """What the concentrator has goes on, and its result may come long after."""
        fence = Fence(self.fences)
        is_commanding = self.is_commanding
        self.is_done = self.is_done or (is_commanding and arrives)
        if answers_later:
            result = (
                CommandResult(Verdict.OK, readback=self.reading(is_commanded=is_commanding))
                if arrives or not is_commanding
                else CommandResult(Verdict.KO, Cause.METER_UNREACHABLE, "seen")
            )
            self.late.append((result, fence))
        self.out = None
        self.commit(step7.link_lost(self.order, "lost", self.now, PLAN))

    @precondition(lambda self: bool(self.late) and self.out is None)
    @rule()
    def a_late_result_comes(self) -> None:
        result, fence = self.late.pop(0)
        if result.readback is None or self.says_so(result.readback):
            self.collect(result, fence)

    def says_so(self, read: Evidence) -> bool:
        """Whether it tells how the meter is now."""
        now = self.reading(is_commanded=False)
        if isinstance(read, Readback) and isinstance(now, Readback):
            return read.threshold == now.threshold
        return isinstance(read, SupplyReadback) and isinstance(now, SupplyReadback) and read.state is now.state

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
    def what_is_verified_is_what_the_meter_does(self) -> None:
        if self.order.state is not OrderState.VERIFIED:
            return
        kind, told = self.order.kind, self.order.evidence
        assert self.is_done
        assert told is not None
        if kind in LIMITS:
            wanted = LIMITS[kind][1]
            assert told["threshold_w"] == str(wanted)
            assert told["written"] in (None, wanted)
        else:
            assert told["breaker"] == SWITCHES[kind][1].name.lower()

    @invariant()
    def nothing_that_happened_is_told_as_not_happened(self) -> None:
        if self.order.state in (OrderState.FAILED, OrderState.EXPIRED, OrderState.CANCELLED, OrderState.REFUSED):
            assert not self.is_done

    @invariant()
    def an_open_order_is_waited_for_or_due_some_time(self) -> None:
        if self.states[-1] not in ENDS and self.out is None:
            assert self.order.next_at is not None


OrderLife.TestCase.settings = settings(max_examples=1000, stateful_step_count=25, deadline=None)
TestOrderLife = OrderLife.TestCase
