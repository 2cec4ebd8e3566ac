"""Step 1, Legacy -> Integration: a CIM order becomes ours, or is refused, and its sender is told at once."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from aforo.cim.control_requests import CancelRequest, ControlRequest, GetRequest, RefusedControl
from aforo.cim.control_response import AnsweredControl, ControlResponse, response_header
from aforo.cim.message import FATAL, INFORM, WARNING, Header, Reply, ReplyError, Result, message_id, timestamp
from aforo.cim.refusal import Refusal
from aforo.domain.causes import CAUSES, Cause
from aforo.domain.identifiers import OrderId, OrderNumber
from aforo.domain.order import Fact, Order, OrderRequest
from aforo.domain.order_kinds import LIMIT_REMOVE, PROVE
from aforo.domain.order_states import OrderState
from aforo.flow.decision import INTEGRATION, LEGACY, Decision
from aforo.flow.order_asked import NUMBER_LENGTH_MAX, PROOF, UNTIL
from aforo.flow.proof_of_effect import WHOLE_PERIOD_AFTER

_ACCEPTED = ("La orden fue aceptada.", "The order is accepted.")
_NO_USE_REPEATING = frozenset(
    {OrderState.REFUSED, OrderState.EXPIRED, OrderState.FAILED, OrderState.CANCELLED, OrderState.SUPERSEDED}
)
_ABOUT_THE_METER = frozenset({Cause.NOT_REGISTERED, Cause.NOT_LINKED, Cause.NOT_COMMISSIONED, Cause.UNKNOWN_MODEL})
_ABOUT_THE_LIMIT = frozenset({Cause.LIMIT_ABOVE_RATING, Cause.LIMIT_OUTSIDE_RANGE, Cause.LIMIT_NOT_REPRESENTABLE})


def receive_order(request: OrderRequest, order_id: OrderId, now: datetime) -> Decision:
    """The order at its beginning, due at once."""
    order = Order(id=order_id, request=request, state=OrderState.RECEIVED, received_at=now, next_at=now)
    payload = {
        "order": request.number,
        "source": request.source,
        "kind": request.kind.name,
        "meter": request.meter,
        "limit_w": order.limit_w,
        "unit": "W",
        "priority": request.priority.name.lower(),
        "reason": request.reason,
        "special": request.special,
        "not_after": request.not_after.isoformat() if request.not_after else None,
        "retry_of": request.retry_of,
        "message_id": request.message_id,
    }
    return Decision(order, (Fact(1, now, LEGACY, INTEGRATION, "OrderReceived", payload),))


def plan_removal(order: Order, order_id: OrderId, now: datetime) -> Decision:
    """The order that ends this one's limit at its `until`: it waits until then, and goes back to the contracted power.

    To be received with it, or not at all: a temporary limit is not forgotten.
    """
    until = order.request.until
    assert until is not None, "only a limit with an end is planned to end"
    held = _held_companion(order, UNTIL, order_id=order_id, now=now, due=until)
    held = replace(held, request=replace(held.request, kind=LIMIT_REMOVE, limit=None), cause=Cause.AWAITING_UNTIL)
    payload = {"order": held.number, "ends": order.number, "meter": order.request.meter, "until": until.isoformat()}
    return Decision(held, (Fact(1, now, INTEGRATION, INTEGRATION, "RemovalPlanned", payload),))


def plan_proof(order: Order, order_id: OrderId, now: datetime) -> Decision:
    """The order that reads the demand once a whole period lies behind the limit. To be received with it, or not."""
    due = now + WHOLE_PERIOD_AFTER
    held = _held_companion(order, PROOF, order_id=order_id, now=now, due=due)
    held = replace(held, request=replace(held.request, kind=PROVE), cause=Cause.AWAITING_PROOF)
    payload = {"order": held.number, "proves": order.number, "meter": order.request.meter, "until": due.isoformat()}
    return Decision(held, (Fact(1, now, INTEGRATION, INTEGRATION, "ProofPlanned", payload),))


def _held_companion(order: Order, end: str, *, order_id: OrderId, now: datetime, due: datetime) -> Order:
    """end: UNTIL or PROOF. What makes the order itself special or temporary is not its companion's."""
    request = order.request
    asked = replace(
        request,
        number=companion_number(order, end),
        special=None,
        not_after=None,
        until=None,
        retry_of=None,
        digest=hashlib.sha256(f"{request.digest}{end}".encode()).hexdigest(),
    )
    return Order(
        id=order_id,
        request=asked,
        state=OrderState.HELD,
        received_at=now,
        lane=order.lane,
        next_at=due,
        companion_of=order.id,
    )


def companion_number(order: Order, end: str) -> OrderNumber:
    """end: UNTIL or PROOF."""
    number = f"{order.number}{end}"
    if len(number) > NUMBER_LENGTH_MAX:
        number = f"AF-{message_id(end[1:], order.request.source, order.number)}"
    return OrderNumber(number)


def acknowledge(order: Order, asked: ControlRequest | GetRequest, now: datetime) -> ControlResponse:
    """How the order stands now: accepted (0.3), held (6.2), or FAILED with the code of its cause.

    The same for an order just received, for one sent again, and for a question about one that is still open.
    """
    at = timestamp(now)
    identifier = message_id("acknowledgement", order.request.source, order.number, order.state.value, at)
    header = response_header(asked.header, identifier=identifier, at=at)
    control = AnsweredControl(
        number=order.number,
        meter=order.request.meter,
        control_type=order.kind.control_type,
        reason=order.request.reason,
        watts=None if order.limit_w is None else Decimal(order.limit_w),
    )
    return ControlResponse(header, _standing(order, asked), (control,))


def acknowledge_several(
    outcomes: Sequence[ControlResponse | RefusedControl], asked: Header, *, language: str, now: datetime
) -> ControlResponse:
    """One answer about the orders of one message: FAILED when none was taken, PARTIAL (0.2) when some were not.

    An error for each meter, in their order, whatever became of it: 0.3 is one too.
    """
    told = [_told_of(outcome, language) for outcome in outcomes]
    failed = sum(error.level == FATAL for error in told)
    result = Result.OK if not failed else Result.FAILED if failed == len(told) else Result.PARTIAL
    if result is Result.PARTIAL:
        es, en = f"No se aceptaron {failed} de {len(told)} órdenes.", f"{failed} of {len(told)} orders were refused."
        told.insert(0, ReplyError("0.2", WARNING, en if language == "en" else es))
    at = timestamp(now)
    controls = tuple(c for one in outcomes if isinstance(one, ControlResponse) for c in one.controls)
    identifier = message_id(
        "acknowledgement", asked.source, asked.answer_correlation, *(c.number for c in controls), at
    )
    return ControlResponse(response_header(asked, identifier=identifier, at=at), Reply(result, tuple(told)), controls)


def _told_of(outcome: ControlResponse | RefusedControl, language: str) -> ReplyError:
    if isinstance(outcome, RefusedControl):
        refusal = outcome.refusal
        reason, meter = refusal.reason(language), outcome.meter or outcome.number
        return ReplyError(refusal.code, FATAL, reason, refusal.details, refusal.xpath, meter)
    control = outcome.control
    return replace(outcome.error, meter="" if control is None else control.meter)


def cancelled(order: Order, asked: CancelRequest, now: datetime) -> ControlResponse:
    """The order will not be carried out."""
    at = timestamp(now)
    identifier = message_id("cancelled", order.request.source, order.number, asked.header.message_id)
    words = "The order is cancelled." if asked.language == "en" else "La orden está anulada."
    reply = Reply(Result.OK, (ReplyError("0.0", INFORM, words, order.state.value),), order.number)
    return ControlResponse(response_header(asked.header, identifier=identifier, at=at), reply)


def too_late(order: Order) -> Refusal:
    """To be cancelled."""
    state = order.state.value
    return Refusal(
        code="5.2",
        es=f"La orden {order.number} ya no puede anularse: está {state}.",
        en=f"Order {order.number} can no longer be cancelled: it is {state}.",
        details=state,
    )


def conflict(number: str, asked: ControlRequest) -> Refusal:
    """The number is known with another content (another digest)."""
    return Refusal(
        code="2.15",
        es=f"La orden {number} ya existe con otro contenido.",
        en=f"Order {number} already exists with another content.",
        xpath=asked.number_at if asked.number else f"/{asked.root}/Header/MessageID",
    )


def used_message_id(asked: ControlRequest, number: str) -> Refusal:
    """The same source has ordered something else under this MessageID. number: of that."""
    message_id = asked.header.message_id
    return Refusal(
        code="2.15",
        es=f"El MessageID {message_id} ya se usó para la orden {number}.",
        en=f"MessageID {message_id} was used before, for order {number}.",
        xpath=f"/{asked.root}/Header/MessageID",
    )


def unknown_order(asked: GetRequest | CancelRequest | ControlRequest) -> Refusal:
    """Nobody has sent an order under this number, or another source has."""
    number = asked.number or (asked.correlation_id if isinstance(asked, GetRequest) else "")
    return Refusal(
        code="2.15",
        es=f"No hay orden {number} de {asked.header.source}.",
        en=f"There is no order {number} of {asked.header.source}.",
    )


def other_meter(earlier: Order, asked: ControlRequest) -> Refusal:
    """A change keeps to the meter of the order that it changes."""
    return Refusal(
        code="2.4",
        es=f"La orden {earlier.number} es de otro medidor.",
        en=f"Order {earlier.number} is for another meter.",
        xpath=asked.meter_at,
    )


def unknown_place(asked: ControlRequest, *, meters: int) -> Refusal:
    """meters: how many stand at this usage point."""
    if meters:
        es, en = "El punto de suministro tiene varios medidores.", "Several meters stand at the usage point."
    else:
        es, en = "El punto de suministro no está registrado.", "The usage point is not registered."
    if asked.meter:
        es, en = "El medidor no está en ese punto de suministro.", "The meter does not stand at that usage point."
        return Refusal(code="2.13", es=es, en=en, xpath=asked.meter_at)
    return Refusal(code="2.12", es=es, en=en, xpath=asked.meter_at)


def _standing(order: Order, asked: ControlRequest | GetRequest) -> Reply:
    if order.state in _NO_USE_REPEATING:
        assert order.cause is not None, f"order {order.number} is {order.state.value} without a cause"
        return Reply(Result.FAILED, (_error(order, order.cause, asked, FATAL),), order.number)
    if order.state is OrderState.HELD and order.cause is not None:
        return Reply(Result.OK, (_error(order, order.cause, asked, INFORM),), order.number)
    accepted = _ACCEPTED[asked.language == "en"]
    return Reply(Result.OK, (ReplyError("0.3", INFORM, accepted, order.state.value),), order.number)


def _error(order: Order, cause: Cause, asked: ControlRequest | GetRequest, level: str) -> ReplyError:
    facts = CAUSES[cause]
    seen = f"until {timestamp(order.next_at)}" if order.state is OrderState.HELD and order.next_at else order.detail
    details = f"{order.state.value} {cause.value}" + (f": {seen}" if seen else "")
    reason = facts.en if asked.language == "en" else facts.es
    return ReplyError(facts.reply, level, reason, details, _path_of_cause(cause, asked))


def _path_of_cause(cause: Cause, asked: ControlRequest | GetRequest) -> str:
    if isinstance(asked, GetRequest):
        return ""
    if cause in _ABOUT_THE_METER:
        return asked.meter_at
    return asked.watts_at if cause in _ABOUT_THE_LIMIT else ""
