"""Orders in the profile EndDeviceControls: create, change, cancel, and get, the question how one stands. Read and
written here; other dialects are translated to this form (`aforo.cim.dialects`).
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from aforo.cim.control_requests import CancelRequest, ControlRequest, GetRequest, Option, RefusedControl
from aforo.cim.message import (
    CORRELATION,
    ORDER_NUMBER,
    Header,
    correlation_asked,
    order_number,
    read_header,
    write_header,
)
from aforo.cim.namespaces import CANCEL, CHANGE, CREATE, GET, MESSAGE, NOUN, OURS, PROFILE, TYPED
from aforo.cim.power import NoPower, watts_of_command, watts_of_quantity
from aforo.cim.refusal import CimError, Refusal
from aforo.cim.schemas import check_against_schema
from aforo.cim.xml_reading import Element, local_name, path_of, text_of, token_of
from aforo.cim.xml_writing import add, add_if, root

_CONTROL = f"{{{PROFILE}}}EndDeviceControl"
_ACTION = f"{{{PROFILE}}}EndDeviceAction"
_TYPE = f"{{{PROFILE}}}EndDeviceControlType"
_DEVICE = f"{{{PROFILE}}}EndDevices"
_PLACE = f"{{{PROFILE}}}UsagePoints"
_LIMIT = f"{{{OURS}}}PowerLimit"
_FIRST_CONTROL = f"{{{TYPED}}}Payload/{{{PROFILE}}}EndDeviceControls/{_CONTROL}"
ORDERS_MAX = 500
"""In one message: so many fit into its bounds, and are answered within a second or two."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_REHEARSALS = frozenset({"TESTING", "DEVELOPMENT", "STUDY", "TRAINING"})
"""Values of Header/Context (edition 1) whose sender does not want a customer's supply touched."""

_CARRIED_OUT = {
    _CONTROL: {"mRID", "issuerID", "issuerTrackingID", "reason", "EndDeviceAction", "EndDeviceControlType",
               "EndDevices", "UsagePoints", "PowerLimit"},
    _ACTION: {"command", "durationIndefinite"},
    f"{{{TYPED}}}Request": {"Option", "ID"},
}  # fmt: skip
"""Everything else that the schema allows there would change what is ordered, so it is refused and not left aside."""


Item = ControlRequest | RefusedControl


def read_create(message: Element, *, language: str, verb: str = "create") -> tuple[Item, ...]:
    """One order for each meter, in their order. verb: create, or change.

    Raises CimError: 1.5, 1.7, 2.5, 2.9 for what is missing or wrong at the top, 1.8, 3.1, and of an only order also 2.4
    and 5.2; of several, one that is at fault is told beside the others.
    """
    header = _checked_header(message, verb)
    controls = message.findall(f"{{{TYPED}}}Payload/{{{PROFILE}}}EndDeviceControls/{_CONTROL}")
    if not controls:
        raise _missing("1.7", message, "Payload/EndDeviceControls/EndDeviceControl")
    for control in controls:
        put_action_in_place(control)
    check_against_schema(message)
    for request in message.iterfind(f"{{{TYPED}}}Request"):
        _check_carried_out(request)
    meters = [(control, meter) for control in controls for meter in _devices(control)]
    if len(meters) > ORDERS_MAX:
        es = f"Un mensaje lleva a lo más {ORDERS_MAX} medidores."
        raise _refused("3.1", es, f"A message has at most {ORDERS_MAX} meters.", path_of(controls[-1]))
    reader = _Reader(message, header, language, verb, _options(message))
    if len(meters) == 1:
        return (reader.read(*meters[0], part=""),)
    return tuple(reader.read_or_refuse(control, device) for control, device in meters)


def _devices(control: Element) -> list[Element | None]:
    """None when it names none, but where the meter stands."""
    return list(control.findall(_DEVICE)) or [None]


def read_get(message: Element, *, language: str) -> GetRequest:
    """By the order's number, or by the correlation id of the message that ordered.

    Raises CimError: 1.5, 1.6, 1.8, 2.5, 2.9.
    """
    header = _checked_header(message, "get")
    check_against_schema(message)
    number = _number_asked(message)
    correlation_id = "" if number else correlation_asked(message.find(f"{{{TYPED}}}Request"))
    if not number and not correlation_id:
        raise _missing("1.6", message, "Request/ID")
    return GetRequest(header=header, number=number, correlation_id=correlation_id, language=language)


def read_cancel(message: Element, *, language: str) -> CancelRequest:
    """Raises CimError: 1.5, 1.6, 1.8, 2.5, 2.9."""
    header = _checked_header(message, "cancel")
    check_against_schema(message)
    number = _number_asked(message)
    if not number:
        raise _missing("1.6", message, "Request/ID")
    reason = text_of(message.find(_FIRST_CONTROL), f"{{{PROFILE}}}reason")
    return CancelRequest(header=header, number=number, reason=reason, language=language)


def _number_asked(message: Element) -> str:
    """In Request/ID, or in the control itself."""
    request = message.find(f"{{{TYPED}}}Request")
    number = "" if request is None else order_number(request)
    return number or text_of(message.find(_FIRST_CONTROL), f"{{{PROFILE}}}issuerTrackingID")


@dataclass(frozen=True, slots=True)
class _Reader:
    """What the orders of one message have in common."""

    message: Element
    header: Header
    language: str
    verb: str
    options: tuple[Option, ...]

    def read_or_refuse(self, control: Element, device: Element | None) -> Item:
        meter = "" if device is None else _told_number(device)
        try:
            return self.read(control, device, part=meter or path_of(control))
        except CimError as error:
            number = text_of(control, f"{{{PROFILE}}}issuerTrackingID")
            return RefusedControl(meter=meter, number=number, refusal=error.refusal)

    def read(self, control: Element, device: Element | None, *, part: str) -> ControlRequest:
        """part: empty for the only one."""
        _check_carried_out(control)
        for action in control.iterfind(_ACTION):
            _check_carried_out(action)
        place, place_at = _usage_point(control)
        meter, meter_at = (("", place_at) if place else _missing_meter(control)) if device is None else _meter(device)
        watts, watts_at = _watts(control)
        control_type, control_type_at = _control_type(control)
        number = text_of(control, f"{{{PROFILE}}}issuerTrackingID")
        return ControlRequest(
            header=self.header,
            number=f"{number}/{meter}" if number and len(control.findall(_DEVICE)) > 1 else number,
            meter=meter,
            usage_point=place,
            watts=watts,
            control_type=control_type,
            reason=text_of(control, f"{{{PROFILE}}}reason"),
            options=self.options,
            language=self.language,
            part=part,
            changes=self.verb == "change",
            root=local_name(self.message),
            meter_at=meter_at,
            watts_at=watts_at,
            control_type_at=control_type_at,
            number_at=f"{path_of(control)}/issuerTrackingID",
        )


def write_create(request: ControlRequest) -> Element:
    """A limit stands in both of its places: as a command in watts, and as a PowerLimit."""
    message = root(CHANGE if request.changes else CREATE)
    write_header(message, TYPED, request.header)
    if request.options:
        options = add(message, f"{{{TYPED}}}Request")
        for option in request.options:
            element = add(options, f"{{{MESSAGE}}}Option")
            add(element, f"{{{MESSAGE}}}name", option.name)
            add_if(element, f"{{{MESSAGE}}}value", option.value)
    payload = add(message, f"{{{TYPED}}}Payload")
    control = add(add(payload, f"{{{PROFILE}}}EndDeviceControls"), _CONTROL)
    add_if(control, f"{{{PROFILE}}}issuerTrackingID", request.number)
    add_if(control, f"{{{PROFILE}}}reason", request.reason)
    if request.watts is not None:
        add(add(control, _ACTION), f"{{{PROFILE}}}command", f"{request.watts:f}")
    add(control, _TYPE).set("ref", request.control_type)
    if request.meter:
        write_meter(control, request.meter)
    if request.usage_point:
        place = add(control, _PLACE)
        add(add(place, f"{{{PROFILE}}}Names"), f"{{{PROFILE}}}name", request.usage_point)
    if request.watts is not None:
        write_limit(control, request.watts)
    return message


def write_get(request: GetRequest) -> Element:
    number = request.number or request.correlation_id
    return _question(GET, request.header, number, ORDER_NUMBER if request.number else CORRELATION)


def write_cancel(request: CancelRequest) -> Element:
    message = _question(CANCEL, request.header, request.number, ORDER_NUMBER)
    if request.reason:
        control = add(add(add(message, f"{{{TYPED}}}Payload"), f"{{{PROFILE}}}EndDeviceControls"), _CONTROL)
        add(control, f"{{{PROFILE}}}reason", request.reason)
    return message


def _question(tag: str, header: Header, number: str, kind: str) -> Element:
    message = root(tag)
    write_header(message, TYPED, header)
    told = add(add(message, f"{{{TYPED}}}Request"), f"{{{MESSAGE}}}ID", number)
    told.attrib.update({"idType": kind, "kind": "name", "objectType": "EndDeviceControl"})
    return message


def write_meter(control: Element, meter: str) -> None:
    """Its number both as mRID and as name: systems look at one or the other."""
    device = add(control, _DEVICE)
    add(device, f"{{{PROFILE}}}mRID", meter)
    add(add(device, f"{{{PROFILE}}}Names"), f"{{{PROFILE}}}name", meter)


def write_limit(control: Element, watts: Decimal) -> None:
    element = add(control, _LIMIT)
    add(element, f"{{{OURS}}}value", f"{watts:f}")
    add(element, f"{{{OURS}}}multiplier", "none")
    add(element, f"{{{OURS}}}unit", "W")


def _checked_header(message: Element, verb: str) -> Header:
    header = read_header(message)
    for name, text in (
        ("Verb", header.verb),
        ("Noun", header.noun),
        ("Source", header.source),
        ("MessageID", header.message_id),
    ):
        if not text:
            raise _missing("1.5", message, f"Header/{name}")
    at = f"/{local_name(message)}/Header"
    if header.verb.lower() != verb:
        raise _refused("2.9", f"El verbo debe ser {verb}.", f"The verb must be {verb}.", f"{at}/Verb")
    if header.noun != NOUN:
        raise _refused("2.5", f"El sustantivo debe ser {NOUN}.", f"The noun must be {NOUN}.", f"{at}/Noun")
    if header.context.upper() in _REHEARSALS:
        es, en = "El contexto no es de producción: no se ejecuta.", "The context is no production: nothing is done."
        raise _refused("5.2", es, en, f"{at}/Context")
    return header


def put_action_in_place(control: Element) -> None:
    """A commercial head-end's clients write EndDeviceAction after EndDeviceControlType; the schema wants it before."""
    kind = control.find(_TYPE)
    if kind is not None:
        following = kind.getnext()
        if following is not None and following.tag == _ACTION:
            kind.addprevious(following)


def _check_carried_out(parent: Element) -> None:
    left_aside = [child for child in parent if local_name(child) not in _CARRIED_OUT[str(parent.tag)]]
    if left_aside:
        es = "Este elemento no se ejecuta en una orden de limitación; quítelo."
        en = "This element is not carried out in a limitation order; leave it out."
        raise _refused("5.2", es, en, path_of(left_aside[0]))


def _control_type(control: Element) -> tuple[str, str]:
    """The code and where it stood."""
    kind = control.find(_TYPE)
    if kind is None:
        raise _missing("1.7", control, "EndDeviceControlType")
    return " ".join((kind.get("ref") or "").split()), f"{path_of(kind)}/@ref"


def _meter(device: Element) -> tuple[str, str]:
    """Its number and where it stood. A UUID as mRID may stand beside the number; two numbers that differ may not."""
    found = _names(device)
    if not found:
        raise _missing("1.7", device, "Names/name")
    if len(found) > 1:
        es, en = "El medidor lleva números distintos.", "The meter has numbers that differ."
        raise _refused("2.4", es, en, path_of(device))
    return next(iter(found.items()))


def _told_number(device: Element) -> str:
    return next(iter(_names(device)), "")


def _names(named: Element) -> dict[str, str]:
    """Where each of its names stands, by the name itself."""
    found = {
        text_of(name, f"{{{PROFILE}}}name"): f"{path_of(name)}/name" for name in named.findall(f"{{{PROFILE}}}Names")
    }
    mrid = text_of(named, f"{{{PROFILE}}}mRID")
    if mrid and not (found and _UUID.fullmatch(mrid)):
        found.setdefault(mrid, f"{path_of(named)}/mRID")
    found.pop("", None)
    return found


def _usage_point(control: Element) -> tuple[str, str]:
    """Empty when none is told."""
    places = control.findall(_PLACE)
    found = [name for place in places for name in _names(place).items()]
    if len(found) > 1:
        es, en = "Una orden nombra a lo más un punto de suministro.", "An order names one usage point at most."
        raise _refused("2.12", es, en, path_of(places[0]))
    if places and not found:
        raise _missing("1.7", places[0], "Names/name")
    return found[0] if found else ("", "")


def _missing_meter(control: Element) -> tuple[str, str]:
    raise _missing("1.7", control, "EndDevices/Names/name")


def _watts(control: Element) -> tuple[Decimal | None, str]:
    """The ordered power and where it stood, or where it belongs."""
    command = control.find(f"{_ACTION}/{{{PROFILE}}}command")
    quantity = control.find(_LIMIT)
    of_command = None if command is None else _watts_of_command(command)
    of_quantity = None if quantity is None else _watts_of_quantity(quantity)
    if of_command and of_quantity and of_command[0] != of_quantity[0]:
        es = f"PowerLimit ({of_quantity[0]:f} W) y command ({of_command[0]:f} W) no coinciden."
        en = f"PowerLimit ({of_quantity[0]:f} W) and command ({of_command[0]:f} W) differ."
        raise _refused("5.2", es, en, of_quantity[1])
    return of_quantity or of_command or (None, f"{path_of(control)}/PowerLimit")


def _watts_of_command(command: Element) -> tuple[Decimal, str]:
    at = path_of(command)
    try:
        return watts_of_command(token_of(command)), at
    except NoPower as error:
        raise _refused("5.2", error.es, error.en, at) from None


def _watts_of_quantity(limit: Element) -> tuple[Decimal, str]:
    at = path_of(limit)
    texts = {name: text_of(limit, f"{{{OURS}}}{name}") for name in ("value", "multiplier", "unit")}
    try:
        return watts_of_quantity(**texts), f"{at}/value"
    except NoPower as error:
        raise _refused("5.2", error.es, error.en, f"{at}/{error.element}") from None


def _options(message: Element) -> tuple[Option, ...]:
    options = message.iterfind(f"{{{TYPED}}}Request/{{{MESSAGE}}}Option")
    return tuple(Option(text_of(o, f"{{{MESSAGE}}}name"), text_of(o, f"{{{MESSAGE}}}value")) for o in options)


def _missing(code: str, parent: Element, path: str) -> CimError:
    name = path.rpartition("/")[2]
    return _refused(code, f"Falta {name}.", f"{name} is missing.", f"{path_of(parent)}/{path}")


def _refused(code: str, es: str, en: str, xpath: str) -> CimError:
    return CimError(Refusal(code=code, es=es, en=en, xpath=xpath))
