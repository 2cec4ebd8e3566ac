"""Step 1, Legacy -> Integration: a CIM order becomes ours, or is refused, and its sender is told at once."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from aforo.cim.control_response import AnsweredControl, ControlResponse, response_header
from aforo.cim.end_device_controls import ControlRequest, GetRequest
from aforo.cim.message import FATAL, INFORM, Reply, ReplyError, Result, message_id, timestamp
from aforo.cim.refusal import CimError, Refusal
from aforo.domain.causes import CAUSES, Cause
from aforo.domain.identifiers import MeterNumber, OrderId, OrderNumber, Source
from aforo.domain.order import Fact, Order, OrderRequest, Priority
from aforo.domain.order_kinds import LIMIT_REMOVE, PROVE, OrderKind, kind_of_control
from aforo.domain.order_states import OrderState
from aforo.domain.quantities import HIGHEST_WATTS, PowerLimit
from aforo.domain.service_calendar import AmbiguousTime, moment_of
from aforo.flow.decision import INTEGRATION, LEGACY, Decision
from aforo.flow.proof_of_effect import WHOLE_PERIOD_AFTER

_PRIORITIES = {"high": Priority.HIGH, "normal": Priority.NORMAL}
_OPTIONS = ("priority", "special", "notAfter", "until", "retryOf", "proof")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)?", re.ASCII)
UNTIL, PROOF = "/until", "/proof"
"""Ends of the numbers of orders that end a limit, and prove one; a customer's number never ends so."""

EFFECTIVE = "effective"

_NUMBER_LENGTH_MAX = 64
_NUMBER_AT = "/CreateEndDeviceControls/Payload/EndDeviceControls/EndDeviceControl/issuerTrackingID"
_ACCEPTED = ("La orden fue aceptada.", "The order is accepted.")
_NO_USE_REPEATING = frozenset(
    {OrderState.REFUSED, OrderState.EXPIRED, OrderState.FAILED, OrderState.CANCELLED, OrderState.SUPERSEDED}
)
_ABOUT_THE_METER = frozenset({Cause.NOT_REGISTERED, Cause.NOT_LINKED, Cause.NOT_COMMISSIONED, Cause.UNKNOWN_MODEL})
_ABOUT_THE_LIMIT = frozenset({Cause.LIMIT_ABOVE_RATING, Cause.LIMIT_OUTSIDE_RANGE, Cause.LIMIT_NOT_REPRESENTABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerRules:
    """What one source may do.

    may_answer_to: which addresses its answers may be sent to.   usual_address: where they go when an order names no
    ReplyAddress; empty when nowhere.   may_be_special: its orders may pass the service window.
    time_zone: of moments that are told without an offset.
    """

    may_answer_to: Callable[[str], bool]
    usual_address: str = ""
    may_be_special: bool = False
    time_zone: str = "America/Santiago"


def order_request(asked: ControlRequest, rules: CallerRules) -> OrderRequest | Refusal:
    """The order that is asked for, or why there is none.

    Without an issuerTrackingID the number is made from Source and MessageID: a sender that repeats its message because
    the answer was lost then gets the same order, and not a second one.
    """
    try:
        return _order_request(asked, rules)
    except CimError as error:
        return error.refusal


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


def wants_proof(asked: ControlRequest) -> bool:
    """The order is to be proved effective, beyond being verified."""
    return any(option.name == "proof" and option.value == EFFECTIVE for option in asked.options)


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
    if len(number) > _NUMBER_LENGTH_MAX:
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
    return ControlResponse(header, _standing(order, asked), control)


def conflict(number: str, asked: ControlRequest) -> Refusal:
    """The number is known with another content (another digest)."""
    return Refusal(
        code="2.15",
        es=f"La orden {number} ya existe con otro contenido.",
        en=f"Order {number} already exists with another content.",
        xpath=_NUMBER_AT if asked.number else "/CreateEndDeviceControls/Header/MessageID",
    )


def unknown_order(asked: GetRequest) -> Refusal:
    """Nobody has sent an order under this number, or another source has."""
    return Refusal(
        code="2.15",
        es=f"No hay orden {asked.number} de {asked.header.source}.",
        en=f"There is no order {asked.number} of {asked.header.source}.",
    )


def _order_request(asked: ControlRequest, rules: CallerRules) -> OrderRequest:
    reply_address = _reply_address(asked, rules)
    options = _options(asked)
    header = asked.header
    number = asked.number or f"AF-{message_id('order', header.source, header.message_id)[:13]}"
    kind = _kind(asked)
    limit = _limit(asked, kind)
    if number.endswith((UNTIL, PROOF)):
        es = f"Un número de orden no termina en {UNTIL} ni en {PROOF}."
        raise _refused("5.2", es, f"An order's number does not end in {UNTIL} or {PROOF}.", _NUMBER_AT)
    not_after = _moment(options.get("notAfter"), rules.time_zone)
    until = _until(options.get("until"), kind, rules.time_zone)
    special = _special(options.get("special"), asked, rules)
    priority = _priority(options.get("priority"))
    retry_of = options["retryOf"][0] if "retryOf" in options else None
    proof = _proof(options.get("proof"), kind)
    meaning = (
        *(header.source, number, kind.name, asked.meter, limit and limit.watts, asked.reason, priority.value),
        *(special, not_after and not_after.isoformat(), until and until.isoformat(), *([retry_of] if retry_of else [])),
        *([proof] if proof else []),
    )
    return OrderRequest(
        source=Source(header.source),
        number=OrderNumber(number),
        kind=kind,
        meter=MeterNumber(asked.meter),
        limit=limit,
        reason=asked.reason,
        priority=priority,
        special=special,
        not_after=not_after,
        until=until,
        retry_of=None if retry_of is None else OrderNumber(retry_of),
        message_id=header.message_id,
        correlation_id=header.correlation_id,
        reply_address=reply_address,
        language=asked.language,
        digest=hashlib.sha256(json.dumps(meaning).encode()).hexdigest(),
    )


def _reply_address(asked: ControlRequest, rules: CallerRules) -> str | None:
    header, at = asked.header, "/CreateEndDeviceControls/Header/ReplyAddress"
    if header.async_reply is False:
        return None
    if header.reply_address and not rules.may_answer_to(header.reply_address):
        es = "No se permite enviar respuestas a esa dirección; pida que se configure."
        raise _refused("5.2", es, "Answers may not be sent to that address; ask for it to be configured.", at)
    address = header.reply_address or rules.usual_address
    if header.async_reply and not address:
        es, en = "AsyncReplyFlag exige ReplyAddress.", "AsyncReplyFlag needs a ReplyAddress."
        raise _refused("1.5", es, en, at)
    return address or None


def _kind(asked: ControlRequest) -> OrderKind:
    kind = kind_of_control(asked.control_type)
    if kind is None:
        es = f"Código de control desconocido: {asked.control_type}."
        raise _refused("5.2", es, f"Unknown control code: {asked.control_type}.", asked.control_type_at)
    return kind


def _limit(asked: ControlRequest, kind: OrderKind) -> PowerLimit | None:
    watts = asked.watts
    if not kind.takes_limit:
        if watts is None:
            return None
        es = f"Una orden de {kind.es} no lleva potencia."
        raise _refused("5.2", es, f"An order of kind {kind.name} takes no power.", asked.watts_at)
    if watts is None:
        raise _refused("1.7", "Falta PowerLimit.", "PowerLimit is missing.", asked.watts_at)
    if watts != watts.to_integral_value():
        es, en = f"{watts:f} W no son vatios enteros.", f"{watts:f} W is not a whole number of watts."
        raise _refused("5.2", es, en, asked.watts_at)
    if not 1 <= watts <= HIGHEST_WATTS:
        es = f"Un límite está entre 1 W y {HIGHEST_WATTS} W, no es {watts:f} W."
        en = f"A limit lies between 1 W and {HIGHEST_WATTS} W, and is not {watts:f} W."
        raise _refused("5.2", es, en, asked.watts_at)
    return PowerLimit(int(watts))


def _options(asked: ControlRequest) -> dict[str, tuple[str, str]]:
    """Value and path by name. An unknown one is refused: leaving a misspelt notAfter aside would change the order."""
    found: dict[str, tuple[str, str]] = {}
    for place, option in enumerate(asked.options, 1):
        number = f"[{place}]" if len(asked.options) > 1 else ""
        at = f"/CreateEndDeviceControls/Request/Option{number}"
        if option.name not in _OPTIONS:
            known = ", ".join(_OPTIONS)
            es, en = f"Opción desconocida; se conocen {known}.", f"Unknown option; known ones are {known}."
            raise _refused("5.2", es, en, f"{at}/name")
        if option.name in found:
            raise _refused("5.2", "La opción está repetida.", "The option is given twice.", f"{at}/name")
        if not option.value:
            raise _refused("5.2", "La opción no tiene valor.", "The option has no value.", f"{at}/value")
        found[option.name] = (option.value, f"{at}/value")
    return found


def _priority(given: tuple[str, str] | None) -> Priority:
    if given is None:
        return Priority.NORMAL
    value, at = given
    if value not in _PRIORITIES:
        raise _refused("5.2", "La prioridad es high o normal.", "The priority is high or normal.", at)
    return _PRIORITIES[value]


def _special(given: tuple[str, str] | None, asked: ControlRequest, rules: CallerRules) -> str | None:
    """The reason, which is kept with the order."""
    if given is None:
        return None
    reason, at = given
    if not rules.may_be_special:
        es = f"{asked.header.source} no tiene el permiso limits:special."
        en = f"{asked.header.source} does not have the permission limits:special."
        raise _refused("7.5", es, en, at)
    return reason


def _moment(given: tuple[str, str] | None, time_zone: str) -> datetime | None:
    """In UTC."""
    if given is None:
        return None
    value, at = given
    try:
        moment = moment_of(value, time_zone) if _MOMENT.fullmatch(value) else None
    except AmbiguousTime:
        es = f"Esa hora ocurre dos veces en {time_zone}; escríbala con su zona, como {value}-03:00."
        en = f"That time occurs twice in {time_zone}; write it with its offset, such as {value}-03:00."
        raise _refused("5.2", es, en, at) from None
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        es = "Debe ser fecha y hora ISO 8601, como 2026-11-25T18:00:00-03:00."
        en = "It must be an ISO 8601 date and time, such as 2026-11-25T18:00:00-03:00."
        raise _refused("5.2", es, en, at)
    if not 1 < moment.year < 9999:  # a date-time of COSEM that has a time in every zone; 9999 is some systems' "never"
        es = "El año va de 2 a 9998; si no hay plazo, omita la opción."
        en = "The year lies between 2 and 9998; when there is no such moment, leave the option out."
        raise _refused("5.2", es, en, at)
    return moment


def _until(given: tuple[str, str] | None, kind: OrderKind, time_zone: str) -> datetime | None:
    until = _moment(given, time_zone)
    if given is not None and not kind.takes_limit:
        es, en = "Solo un límite puede terminar a una hora.", "Only a limit can end at a time."
        raise _refused("5.2", es, en, given[1])
    return until


def _proof(given: tuple[str, str] | None, kind: OrderKind) -> str:
    """The rung that is asked for beyond verified; empty for none."""
    if given is None:
        return ""
    value, at = given
    if value != EFFECTIVE:
        raise _refused("5.2", f"La prueba es {EFFECTIVE}.", f"The proof is {EFFECTIVE}.", at)
    if not kind.takes_limit:
        raise _refused("5.2", "Solo se prueba el efecto de un límite.", "Only a limit's effect is proved.", at)
    return value


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


def _refused(code: str, es: str, en: str, xpath: str) -> CimError:
    return CimError(Refusal(code=code, es=es, en=en, xpath=xpath))
