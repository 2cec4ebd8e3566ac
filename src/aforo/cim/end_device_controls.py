"""The order: CreateEndDeviceControls and the question how it stands, GetEndDeviceControls. Read and written here."""

import re
from dataclasses import dataclass
from decimal import Decimal

from aforo.cim.message import ORDER_NUMBER, Header, order_number, read_header, write_header
from aforo.cim.namespaces import CREATE, GET, MESSAGE, NOUN, OURS, PROFILE, TYPED
from aforo.cim.power import NoPower, watts_of_command, watts_of_quantity
from aforo.cim.refusal import CimError, Refusal
from aforo.cim.schemas import check_against_schema
from aforo.cim.xml_reading import Element, local_name, path_of, text_of
from aforo.cim.xml_writing import add, add_if, root

_CONTROL = f"{{{PROFILE}}}EndDeviceControl"
_ACTION = f"{{{PROFILE}}}EndDeviceAction"
_TYPE = f"{{{PROFILE}}}EndDeviceControlType"
_DEVICE = f"{{{PROFILE}}}EndDevices"
_LIMIT = f"{{{OURS}}}PowerLimit"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_REHEARSALS = frozenset({"TESTING", "DEVELOPMENT", "STUDY", "TRAINING"})
"""Values of Header/Context (edition 1) whose sender does not want a customer's supply touched."""

_CARRIED_OUT = {
    _CONTROL: {"mRID", "issuerID", "issuerTrackingID", "reason", "EndDeviceAction", "EndDeviceControlType",
               "EndDevices", "PowerLimit"},
    _ACTION: {"command", "durationIndefinite"},
    f"{{{TYPED}}}Request": {"Option", "ID"},
}  # fmt: skip
"""Everything else that the schema allows there would change what is ordered, so it is refused and not left aside."""


@dataclass(frozen=True, slots=True)
class Option:
    """Request/Option."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRequest:
    """CreateEndDeviceControls for one meter. number: issuerTrackingID, empty when the sender left it to us.

    control_type: EndDeviceControlType, of whatever meaning.   watts: exact, of whatever sign and size; None when no
    power is told.   meter_at, watts_at, control_type_at: where they stood, or belong, for a refusal.
    """

    header: Header
    number: str
    meter: str
    control_type: str
    watts: Decimal | None = None
    reason: str = ""
    options: tuple[Option, ...] = ()
    language: str = "es"
    meter_at: str = ""
    watts_at: str = ""
    control_type_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetRequest:
    """GetEndDeviceControls: how does the order under this number stand?"""

    header: Header
    number: str
    language: str = "es"


def read_create(message: Element, *, language: str) -> ControlRequest:
    """Raises CimError: 1.5, 1.7, 2.5, 2.9 for what is missing or wrong at the top, 1.8, then 3.1, 2.4 and 5.2."""
    header = _checked_header(message, "create")
    control = message.find(f"{{{TYPED}}}Payload/{{{PROFILE}}}EndDeviceControls/{_CONTROL}")
    if control is None:
        raise _missing("1.7", message, "Payload/EndDeviceControls/EndDeviceControl")
    _put_action_in_place(control)
    check_against_schema(message)
    _check_counts(message, control)
    _check_all_carried_out(message, control)
    meter, meter_at = _meter(control)
    watts, watts_at = _watts(control)
    control_type, control_type_at = _control_type(control)
    return ControlRequest(
        header=header,
        number=text_of(control, f"{{{PROFILE}}}issuerTrackingID"),
        meter=meter,
        watts=watts,
        control_type=control_type,
        reason=text_of(control, f"{{{PROFILE}}}reason"),
        options=_options(message),
        language=language,
        meter_at=meter_at,
        watts_at=watts_at,
        control_type_at=control_type_at,
    )


def read_get(message: Element, *, language: str) -> GetRequest:
    """Raises CimError: 1.5, 1.6, 1.8, 2.5, 2.9."""
    header = _checked_header(message, "get")
    check_against_schema(message)
    request = message.find(f"{{{TYPED}}}Request")
    controls = message.find(f"{{{TYPED}}}Payload/{{{PROFILE}}}EndDeviceControls")
    number = "" if request is None else order_number(request)
    number = number or text_of(controls, f"{_CONTROL}/{{{PROFILE}}}issuerTrackingID")
    if not number:
        raise _missing("1.6", message, "Request/ID")
    return GetRequest(header=header, number=number, language=language)


def write_create(request: ControlRequest) -> Element:
    """A limit stands in both of its places: as a command in watts, and as a PowerLimit."""
    message = root(CREATE)
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
    write_meter(control, request.meter)
    if request.watts is not None:
        write_limit(control, request.watts)
    return message


def write_get(request: GetRequest) -> Element:
    message = root(GET)
    write_header(message, TYPED, request.header)
    number = add(add(message, f"{{{TYPED}}}Request"), f"{{{MESSAGE}}}ID", request.number)
    number.attrib.update({"idType": ORDER_NUMBER, "kind": "name", "objectType": "EndDeviceControl"})
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


def _put_action_in_place(control: Element) -> None:
    """A commercial head-end's clients write EndDeviceAction after EndDeviceControlType; the schema wants it before."""
    kind = control.find(_TYPE)
    if kind is not None:
        following = kind.getnext()
        if following is not None and following.tag == _ACTION:
            kind.addprevious(following)


def _check_counts(message: Element, control: Element) -> None:
    several = (
        *message.findall(f"{{{TYPED}}}Payload/{{{PROFILE}}}EndDeviceControls/{_CONTROL}")[1:],
        *control.findall(_DEVICE)[1:],
    )
    if several:
        es = "Una orden lleva un solo EndDeviceControl y un solo medidor; envíe una por medidor."
        en = "An order has one EndDeviceControl and one meter; send one for each meter."
        raise _refused("3.1", es, en, path_of(several[0]))


def _check_all_carried_out(message: Element, control: Element) -> None:
    for parent in (*message.iterfind(f"{{{TYPED}}}Request"), control, *control.iterfind(_ACTION)):
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


def _meter(control: Element) -> tuple[str, str]:
    """Its number and where it stood. A UUID as mRID may stand beside the number; two numbers that differ may not."""
    device = control.find(_DEVICE)
    if device is None:
        raise _missing("1.7", control, "EndDevices")
    names = device.findall(f"{{{PROFILE}}}Names")
    found = {text_of(name, f"{{{PROFILE}}}name"): f"{path_of(name)}/name" for name in names}
    mrid = text_of(device, f"{{{PROFILE}}}mRID")
    if mrid and not (found and _UUID.fullmatch(mrid)):
        found.setdefault(mrid, f"{path_of(device)}/mRID")
    found.pop("", None)
    if not found:
        raise _missing("1.7", control, "EndDevices/Names/name")
    if len(found) > 1:
        es, en = "El medidor lleva números distintos.", "The meter has numbers that differ."
        raise _refused("2.4", es, en, path_of(device))
    return next(iter(found.items()))


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
        return watts_of_command(" ".join((command.text or "").split())), at
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
