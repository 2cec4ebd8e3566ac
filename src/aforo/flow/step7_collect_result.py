"""Step 7, Concentrator -> HeadEnd: a visit's result becomes the order's next state.

Silence after a command may have left is never a failure: the order is reconciled by reading, and what the meter then
says decides.
"""

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from aforo.dclink.messages import ItemDemand, ItemReadback, ItemResult, ItemSupply
from aforo.domain.causes import CAUSES, Cause, Retry
from aforo.domain.confirmation import next_reading
from aforo.domain.devices import Link, Meter
from aforo.domain.identifiers import Fence, OrderNumber
from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState
from aforo.domain.quantities import plain, watts_of
from aforo.domain.readback import Breaker, CommandResult, DemandReadback, Evidence, Readback, SupplyReadback, Verdict
from aforo.domain.retry_plan import SHORTEST_WAIT, RetryPlan, when_back
from aforo.flow.decision import CONCENTRATOR, HEADEND, METER, Decision, move

_ONCE = 2
_CLOCKS_APART = timedelta(minutes=10)
"""However far a concentrator's clock may be ahead and still be given orders that must not begin late."""


class Collected(Struct, frozen=True):
    """A visit's result and when it was fetched. fence: of the visit it belongs to, so that a late one is known."""

    result: CommandResult
    at: datetime
    fence: Fence

    def tells_of_command(self, order: Order) -> bool:
        """It is the writing visit's own result, so a KO means that nothing was written."""
        return self.fence == order.command_fence


def from_item(item: ItemResult) -> CommandResult:
    """A concentrator's result in our own words; a cause unknown to us is the concentrator's fault, with its text."""
    try:
        cause = Cause(item.cause) if item.cause else None
    except ValueError:
        cause = Cause.CONCENTRATOR_FAULT
    evidence = _readback(item.readback) or _supply(item.supply) or _demand(item.demand)
    return CommandResult(Verdict(item.verdict), cause, item.detail, evidence)


def _readback(values: ItemReadback | None) -> Readback | None:
    if values is None:
        return None
    return Readback(
        before=values.before,
        written=values.written,
        threshold=values.threshold,
        active=values.active,
        scaler=values.scaler,
        read_at=values.read_at,
        emergency=values.emergency,
        breaker=None if values.breaker is None else Breaker(values.breaker),
        restores_at=values.restores_at,
    )


def _supply(values: ItemSupply | None) -> SupplyReadback | None:
    if values is None:
        return None
    return SupplyReadback(
        before=Breaker(values.before),
        state=Breaker(values.state),
        output=values.output,
        is_commanded=values.is_commanded,
        read_at=values.read_at,
    )


def _demand(values: ItemDemand | None) -> DemandReadback | None:
    if values is None:
        return None
    return DemandReadback(
        average=values.average,
        scaler=values.scaler,
        period_s=values.period_s,
        captured_at=values.captured_at,
        breaker=None if values.breaker is None else Breaker(values.breaker),
        read_at=values.read_at,
    )


def belongs(order: Order, fence: Fence) -> bool:
    """A result under this fence still matters: the order is out or unconfirmed, the visit its latest or its command."""
    is_open = order.state.may_have_left or order.state is OrderState.UNCONFIRMED
    return is_open and fence in (order.fence, order.command_fence)


def refused_submission(cause: str) -> CommandResult:
    """The concentrator did not take the order, so it will never begin it. cause: its code, perhaps unknown to us."""
    try:
        known = Cause(cause)
    except ValueError:
        known = Cause.CONCENTRATOR_FAULT
    return CommandResult(Verdict.KO, known, f"the concentrator did not take the order: {cause or 'no cause told'}")


def collect(order: Order, meter: Meter, collected: Collected, plan: RetryPlan) -> Decision:
    """The order is out and the result belongs to it; its visit has ended."""
    result, now = collected.result, collected.at
    facts = (*_visit_facts(meter, order, result), _result_fact(meter, order, result, now))
    if order.state is OrderState.UNCONFIRMED:
        return _late_truth(order, collected, facts)
    if result.verdict is Verdict.OK:
        return _read_back(order, result, now, plan, facts)
    if order.state is OrderState.RECONCILING and not collected.tells_of_command(order):
        return _still_unknown(order, result, now, plan, facts)
    if result.verdict is Verdict.UNKNOWN:
        return move(order, OrderState.RECONCILING, now, *facts, cause=Cause.OUTCOME_UNKNOWN, detail=result.detail,
                    next_at=now)  # fmt: skip
    return _not_carried_out(order, result, now, plan, facts)


def not_sent(order: Order, cause: Cause, detail: str, now: datetime, plan: RetryPlan) -> Decision:
    """The visit could not even begin: the concentrator is silent, or does not have the meter in its table.

    Counts as an attempt, unless it is the concentrator that is away. An order whose command may have left earlier stays
    unknown.
    """
    fact = Fact(7, now, HEADEND, HEADEND, "VisitNotPossible", {"cause": cause.value, "detail": detail})
    attempts = order.attempts + (not _waits_for_another(order, cause))
    next_at = _next_attempt(replace(order, attempts=attempts), cause, now, plan)
    changes: dict[str, Any] = {"attempts": attempts, "cause": cause, "detail": detail, "next_at": next_at}
    if order.state is OrderState.UNCONFIRMED:
        return _still_unconfirmed(order, now, fact)
    if order.state.may_have_left:
        changes["cause"] = Cause.OUTCOME_UNKNOWN
        if next_at is None and order.state is OrderState.RECONCILING:
            return _unconfirmed(order, detail, now, fact, attempts=attempts)
        return move(order, OrderState.RECONCILING, now, fact, **{**changes, "next_at": next_at or now})
    state = OrderState.FAILED if next_at is None else OrderState.VALIDATED
    return move(order, state, now, fact, **changes)


def link_lost(order: Order, detail: str, now: datetime, plan: RetryPlan) -> Decision:
    """The session ended while the order was out: unless its own result comes after all, it is only read from now on.

    A reading that was lost has used its attempt: one that ends every session would else be begun for ever.
    """
    payload = {"cause": Cause.OUTCOME_UNKNOWN.value, "detail": detail}
    fact = Fact(7, now, HEADEND, HEADEND, "LinkLost", payload)
    was_read = order.state is OrderState.RECONCILING and order.fence != order.command_fence
    next_at = plan.next_at(order.attempts, now) if was_read else now
    if next_at is None:
        return _unconfirmed(order, detail, now, fact)
    return move(order, OrderState.RECONCILING, now, fact, cause=Cause.OUTCOME_UNKNOWN, detail=detail, next_at=next_at)


def _read_back(
    order: Order, result: CommandResult, now: datetime, plan: RetryPlan, facts: tuple[Fact, ...]
) -> Decision:
    readback = result.readback
    if readback is None:
        fault = CommandResult(Verdict.KO, Cause.CONCENTRATOR_FAULT, "an OK without values read back proves nothing")
        if order.state is OrderState.RECONCILING:
            return _still_unknown(order, fault, now, plan, facts)
        return move(order, OrderState.RECONCILING, now, *facts, cause=Cause.OUTCOME_UNKNOWN, detail=fault.detail,
                    next_at=now)  # fmt: skip
    evidence = evidence_of(readback)
    if order.kind.holds(readback, order.limit):
        return move(order, OrderState.VERIFIED, now, *facts, cause=None, detail=result.detail, evidence=evidence,
                    next_at=None)  # fmt: skip
    detail = _mismatch(order, result)
    cause = order.kind.otherwise
    next_at = None if CAUSES[cause].retry is Retry.NEVER else plan.next_at(order.attempts, now)
    state = OrderState.FAILED if next_at is None else OrderState.VALIDATED
    return move(order, state, now, *facts, cause=cause, detail=detail, evidence=evidence, next_at=next_at)


def still_out(order: Order, now: datetime) -> Decision:
    """A new session finds the order at the concentrator, waiting or begun: its result will come by itself."""
    fact = Fact(7, now, CONCENTRATOR, HEADEND, "OrderStillThere", {"order": order.number, "fence": order.fence})
    return move(order, order.state, now, fact, next_at=None)


def never_arrived(order: Order, now: datetime, plan: RetryPlan) -> Decision:
    """The concentrator has not begun the order and never will: the hand-over was lost, or it was withdrawn.

    An order that is being reconciled is read again; one that had just been handed over is handed over again. That
    costs no attempt when it was the head-end that stopped; a link that every hand-over breaks is given up by the plan.
    """
    fact = Fact(7, now, CONCENTRATOR, HEADEND, "OrderNotThere", {"order": order.number, "fence": order.fence})
    if order.state is OrderState.RECONCILING and order.fence != order.command_fence:
        return move(order, order.state, now, fact, next_at=now)
    if order.state is not OrderState.RECONCILING:
        again = replace(order, attempts=max(0, order.attempts - 1))
        return move(again, OrderState.VALIDATED, now, fact, next_at=now)
    next_at = now if order.attempts < _ONCE else plan.next_at(order.attempts, now)
    state = OrderState.FAILED if next_at is None else OrderState.VALIDATED
    return move(order, state, now, fact, cause=Cause.CONCENTRATOR_UNREACHABLE, next_at=next_at)


def _still_unknown(
    order: Order, result: CommandResult, now: datetime, plan: RetryPlan, facts: tuple[Fact, ...]
) -> Decision:
    next_at = plan.next_at(order.attempts, now)
    if next_at is None:
        return _unconfirmed(order, result.detail, now, *facts)
    changes = {"cause": Cause.OUTCOME_UNKNOWN, "detail": result.detail, "next_at": next_at}
    return move(order, OrderState.RECONCILING, now, *facts, **changes)


def _unconfirmed(order: Order, detail: str, now: datetime, *facts: Fact, **changes: Any) -> Decision:
    """Reading was not possible either. The customer is told, and the truth is still sought."""
    told = {"cause": Cause.OUTCOME_UNKNOWN, "detail": detail, "next_at": next_reading(now, now)}
    return move(order, OrderState.UNCONFIRMED, now, *facts, **told, **changes)


def _still_unconfirmed(order: Order, now: datetime, *facts: Fact) -> Decision:
    assert order.ended_at is not None, "an unconfirmed order has ended"
    return move(order, OrderState.UNCONFIRMED, now, *facts, next_at=next_reading(order.ended_at, now))


def _late_truth(order: Order, collected: Collected, facts: tuple[Fact, ...]) -> Decision:
    """Of an order that has ended unconfirmed: what the meter shows now, or its own command's late result, decides."""
    result, now = collected.result, collected.at
    if result.verdict is Verdict.OK and result.readback is not None:
        evidence = evidence_of(result.readback)
        if order.kind.holds(result.readback, order.limit):
            return move(order, OrderState.VERIFIED, now, *facts, cause=None, detail=result.detail, evidence=evidence,
                        next_at=None)  # fmt: skip
        return move(order, OrderState.FAILED, now, *facts, cause=Cause.VERIFY_MISMATCH, detail=_mismatch(order, result),
                    evidence=evidence, next_at=None)  # fmt: skip
    if result.verdict is Verdict.KO and collected.tells_of_command(order):
        cause = result.cause or Cause.CONCENTRATOR_FAULT
        return move(order, OrderState.FAILED, now, *facts, cause=cause, detail=result.detail, next_at=None)
    return _still_unconfirmed(order, now, *facts)


def overtaken(order: Order, by: OrderNumber, now: datetime) -> Decision:
    """A later order of the meter was verified: the meter can no longer tell what this one did."""
    fact = Fact(7, now, HEADEND, HEADEND, "ReadingsEnded", {"order": order.number, "by": by})
    return move(order, OrderState.UNCONFIRMED, now, fact, next_at=None)


def _mismatch(order: Order, result: CommandResult) -> str:
    evidence = result.readback
    if isinstance(evidence, Readback):
        return f"ordered {order.limit or order.kind.en}, the meter holds {plain(evidence.watts)} W"
    if isinstance(evidence, DemandReadback):
        return f"the demand was {plain(evidence.watts)} W, the limit is {order.limit}"
    assert evidence is not None
    return f"ordered {order.kind.en}, the meter shows control_state {evidence.state.name.lower()}"


def _not_carried_out(
    order: Order, result: CommandResult, now: datetime, plan: RetryPlan, facts: tuple[Fact, ...]
) -> Decision:
    cause = result.cause or Cause.CONCENTRATOR_FAULT
    if cause is Cause.EXPIRED and not _is_only_the_window(order, now):
        return move(order, OrderState.EXPIRED, now, *facts, cause=cause, detail=result.detail, next_at=None)
    if cause is Cause.EXPIRED:
        again = replace(order, attempts=order.attempts - 1)
        return move(again, OrderState.VALIDATED, now, *facts, cause=Cause.OUTSIDE_SERVICE_WINDOW, detail=result.detail,
                    next_at=now + SHORTEST_WAIT)  # fmt: skip
    order = replace(order, attempts=order.attempts - _waits_for_another(order, cause))
    next_at = _next_attempt(order, cause, now, plan)
    state = OrderState.FAILED if next_at is None else OrderState.VALIDATED
    evidence = evidence_of(result.readback) if result.readback else order.evidence
    return move(order, state, now, *facts, cause=cause, detail=result.detail, evidence=evidence, next_at=next_at)


def _is_only_the_window(order: Order, now: datetime) -> bool:
    """What kept it from beginning was the end of the service window, and its own time has not come."""
    latest = order.request.latest_start
    return latest is None or latest - now > _CLOCKS_APART


def _next_attempt(order: Order, cause: Cause, now: datetime, plan: RetryPlan) -> datetime | None:
    retry = CAUSES[cause].retry
    if _waits_for_another(order, cause):
        assert order.deadline is not None
        return None if now >= order.deadline else min(when_back(order.received_at, now), order.deadline)
    if retry is Retry.NEVER or (retry is Retry.ONCE and order.attempts >= _ONCE):
        return None
    return plan.next_at(order.attempts, now, rest=timedelta(minutes=CAUSES[cause].rest_min))


def _waits_for_another(order: Order, cause: Cause) -> bool:
    """It is not the meter that keeps it waiting. What may have left is read under the plan all the same."""
    is_away = CAUSES[cause].retry is Retry.WHEN_BACK and order.deadline is not None
    return is_away and not order.state.is_only_read


def evidence_of(readback: Evidence) -> dict[str, Any]:
    """The proof as JSON: raw values, their scale, and the same in watts; or how the supply switch stands."""
    if isinstance(readback, DemandReadback):
        return {
            "demand_w": plain(readback.watts),
            "period_s": readback.period_s,
            "captured_at": None if readback.captured_at is None else readback.captured_at.isoformat(),
            "breaker": None if readback.breaker is None else readback.breaker.name.lower(),
            "read_at": readback.read_at.isoformat(),
        }
    if isinstance(readback, SupplyReadback):
        return {
            "breaker_before": readback.before.name.lower(),
            "breaker": readback.state.name.lower(),
            "output": readback.output,
            "is_commanded": readback.is_commanded,
            "read_at": readback.read_at.isoformat(),
        }
    return {
        "before_w": plain(readback.before_watts),
        "threshold_w": plain(readback.watts),
        "active_w": None if readback.active_watts is None else plain(readback.active_watts),
        "before": readback.before,
        "written": readback.written,
        "threshold": readback.threshold,
        "active": readback.active,
        "scaler": readback.scaler,
        "unit": "W",
        "emergency": readback.emergency,
        "breaker": None if readback.breaker is None else readback.breaker.name.lower(),
        "restores_at": None if readback.restores_at is None else readback.restores_at.isoformat(),
        "read_at": readback.read_at.isoformat(),
    }


def _visit_facts(meter: Meter, order: Order, result: CommandResult) -> tuple[Fact, ...]:
    """Steps 5 and 6 as the result tells them: what was written, and what the meter said."""
    readback = result.readback
    if readback is None:
        return ()
    if isinstance(readback, SupplyReadback):
        return _switch_facts(meter, order, readback)
    if isinstance(readback, DemandReadback):
        return _demand_facts(meter, order, readback)
    commander = CONCENTRATOR if meter.link is Link.DELEGATED else HEADEND
    at = readback.read_at
    answered = Fact(6, at, METER, commander, "MeterAnswered", evidence_of(readback))
    if readback.written is None:
        asked = Fact(5, at, commander, METER, "MeterAsked", {"meter": meter.number})
        return (asked, answered)
    written = {
        "meter": meter.number,
        "written": readback.written,
        "scaler": readback.scaler,
        "written_w": plain(watts_of(readback.written, readback.scaler)),
    }
    return (Fact(5, at, commander, METER, "MeterCommanded", written), answered)


def _switch_facts(meter: Meter, order: Order, readback: SupplyReadback) -> tuple[Fact, ...]:
    commander = CONCENTRATOR if meter.link is Link.DELEGATED else HEADEND
    at, evidence = readback.read_at, evidence_of(readback)
    asked = Fact(5, at, commander, METER, "SwitchAsked", {"meter": meter.number})
    if readback.is_commanded:
        told = {"meter": meter.number, "kind": order.kind.name}
        asked = Fact(5, at, commander, METER, "SwitchCommanded", told)
    shown = {**evidence, "output": None if readback.output is None else str(readback.output).lower()}
    return (asked, Fact(6, at, METER, commander, "SwitchAnswered", shown))


def _demand_facts(meter: Meter, order: Order, readback: DemandReadback) -> tuple[Fact, ...]:
    commander = CONCENTRATOR if meter.link is Link.DELEGATED else HEADEND
    at, shown = readback.read_at, {**evidence_of(readback), "limit_w": order.limit_w}
    asked = Fact(5, at, commander, METER, "DemandAsked", {"meter": meter.number})
    return (asked, Fact(6, at, METER, commander, "DemandAnswered", shown))


def _result_fact(meter: Meter, order: Order, result: CommandResult, now: datetime) -> Fact:
    payload: dict[str, Any] = {
        "order": order.number,
        "verdict": result.verdict.name,
        "cause": result.cause.value if result.cause else None,
        "detail": result.detail,
        "attempt": order.attempts,
    }
    if result.frames:
        payload["frames"] = [
            {"octets": frame.octets.hex(), "heard_at": frame.at.isoformat() if frame.at else None}
            for frame in result.frames
        ]
    sender = METER if meter.link is Link.DIRECT else CONCENTRATOR
    return Fact(7, now, sender, HEADEND, "ResultCollected", payload)
