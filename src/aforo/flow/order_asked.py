"""What a request asks for, as an order: its number, kind, limit, options and permissions, or why there is none."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from msgspec import Struct

from aforo.cim.control_requests import ControlRequest
from aforo.cim.message import message_id
from aforo.cim.refusal import CimError, Refusal
from aforo.domain.identifiers import MeterNumber, OrderNumber, Source
from aforo.domain.order import OrderRequest, Priority
from aforo.domain.order_kinds import OrderKind, kind_of_control
from aforo.domain.quantities import HIGHEST_WATTS, PowerLimit
from aforo.domain.service_calendar import AmbiguousTime, moment_of

UNTIL, PROOF = "/until", "/proof"
"""Ends of the numbers of orders that end a limit, and prove one; a customer's number never ends so."""

EFFECTIVE = "effective"
WAIT_S_MAX = 60
NUMBER_LENGTH_MAX = 64
_PRIORITIES = {"high": Priority.HIGH, "normal": Priority.NORMAL}
_OPTIONS = ("priority", "special", "notAfter", "until", "retryOf", "proof", "wait")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)?", re.ASCII)


class CallerRules(Struct, frozen=True, kw_only=True):
    """What one source may do.

    may_answer_to: which addresses its answers may be sent to.   usual_address: where they go when an order names no
    ReplyAddress; empty when nowhere.   may_be_special: its orders may pass the service window.
    kinds: names of those it may order; None for all.   meters: patterns (`*`, `?`) of the meters that it may order for.
    priorities: that it may give.   time_zone: of moments that are told without an offset.
    """

    may_answer_to: Callable[[str], bool]
    usual_address: str = ""
    may_be_special: bool = False
    kinds: frozenset[str] | None = None
    meters: tuple[str, ...] = ("*",)
    priorities: frozenset[Priority] = frozenset(Priority)
    time_zone: str = "America/Santiago"


def order_request(asked: ControlRequest, rules: CallerRules) -> OrderRequest | Refusal:
    """The order that is asked for, or why there is none.

    Without an issuerTrackingID the number is made from Source and MessageID: a sender that repeats its message because
    the answer was lost then gets the same order, and not a second one.
    """
    try:
        request = _order_request(asked, rules)
        _check_permissions(request, asked, rules)
    except CimError as error:
        return error.refusal
    return request


def wants_proof(asked: ControlRequest) -> bool:
    """The order is to be proved effective, beyond being verified."""
    return any(option.name == "proof" and option.value == EFFECTIVE for option in asked.options)


def wait_of(asked: ControlRequest) -> timedelta:
    """For how long the sender waits for the final answer in the same exchange. asked: it has become an order."""
    given = next((option.value for option in asked.options if option.name == "wait"), None)
    return timedelta() if given is None else timedelta(seconds=int(given))


def _check_wait(given: tuple[str, str] | None) -> None:
    if given is None:
        return
    value, at = given
    if not (value.isascii() and value.isdecimal() and 1 <= int(value[:9]) <= WAIT_S_MAX):
        es = f"La espera va de 1 a {WAIT_S_MAX} segundos."
        raise _refused("5.2", es, f"The wait is 1 to {WAIT_S_MAX} seconds.", at)


def _order_request(asked: ControlRequest, rules: CallerRules) -> OrderRequest:
    reply_address = _reply_address(asked, rules)
    options = _options(asked)
    header = asked.header
    _check_wait(options.get("wait"))
    number = number_of(asked)
    kind = _kind(asked)
    limit = _limit(asked, kind)
    not_after = _moment(options.get("notAfter"), rules.time_zone)
    until = _until(options.get("until"), kind, rules.time_zone)
    special = _special(options.get("special"), asked, rules)
    priority = _priority(options.get("priority"))
    retry_of = options["retryOf"][0] if "retryOf" in options else (asked.number if asked.changes else None)
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
        dialect=asked.dialect,
        digest=hashlib.sha256(json.dumps(meaning).encode()).hexdigest(),
    )


def _reply_address(asked: ControlRequest, rules: CallerRules) -> str | None:
    header, at = asked.header, f"/{asked.root}/Header/ReplyAddress"
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


def number_of(asked: ControlRequest) -> str:
    """Its own, or one made from what tells its message from others: the same message again is the same order.

    Raises CimError.
    """
    header = asked.header
    if asked.changes:
        if not asked.number:
            raise _refused("1.7", "Falta issuerTrackingID.", "issuerTrackingID is missing.", asked.number_at)
        change = message_id("change", header.source, header.message_id, asked.number)[:8]
        changed = f"{asked.number}/{change}"
        return changed if len(changed) <= NUMBER_LENGTH_MAX else f"AF-{change}"
    names = ("order", header.source, header.message_id, *([asked.part] if asked.part else []))
    number = asked.number or f"AF-{message_id(*names)[:13]}"
    if number.endswith((UNTIL, PROOF)):
        es = f"Un número de orden no termina en {UNTIL} ni en {PROOF}."
        raise _refused("5.2", es, f"An order's number does not end in {UNTIL} or {PROOF}.", asked.number_at)
    return number


def _kind(asked: ControlRequest) -> OrderKind:
    kind = kind_of_control(asked.control_type)
    if kind is None:
        es = f"Código de control desconocido: {asked.control_type}."
        raise _refused("5.2", es, f"Unknown control code: {asked.control_type}.", asked.control_type_at)
    return kind


def _check_permissions(request: OrderRequest, asked: ControlRequest, rules: CallerRules) -> None:
    kind, source = request.kind, request.source
    if rules.kinds is not None and kind.name not in rules.kinds:
        es = f"{source} no tiene permiso para pedir {kind.es}."
        raise _refused("7.5", es, f"{source} may not order a {kind.en}.", asked.control_type_at)
    if not any(fnmatchcase(request.meter, pattern) for pattern in rules.meters):
        es = f"{source} no tiene permiso sobre el medidor {request.meter}."
        raise _refused("7.5", es, f"{source} may not order for meter {request.meter}.", asked.meter_at)
    if request.priority not in rules.priorities:
        name = request.priority.name.lower()
        es = f"{source} no tiene permiso para la prioridad {name}."
        raise _refused("7.5", es, f"{source} may not give the priority {name}.", f"/{asked.root}/Request/Option")


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
        at = f"/{asked.root}/Request/Option{number}"
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


def _refused(code: str, es: str, en: str, xpath: str) -> CimError:
    return CimError(Refusal(code=code, es=es, en=en, xpath=xpath))
