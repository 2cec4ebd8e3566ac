"""What is known of a meter's events: GetEndDeviceEvents, and its answer (IEC 61968-9, EndDeviceEvents)."""

from dataclasses import dataclass
from datetime import UTC, datetime

from aforo.cim.message import Header, Reply, ReplyError, Result, read_header, write_header, write_reply
from aforo.cim.namespaces import MESSAGE
from aforo.cim.refusal import CimError, Refusal
from aforo.cim.schemas import check_against_schema
from aforo.cim.xml_reading import Element, path_of, text_of
from aforo.cim.xml_writing import add, root

NOUN = "EndDeviceEvents"
PROFILE = "http://iec.ch/TC57/2011/EndDeviceEvents#"
TYPED = "http://iec.ch/TC57/2011/EndDeviceEventsMessage"
GET = f"{{{TYPED}}}GetEndDeviceEvents"
SCHEMA = "EndDeviceEventsMessage.xsd"
METER = "Meter"
"""The objectType under which an ID is a meter's number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsRequest:
    """since, until: None when not said.   meter: empty for all that the sender has ordered for."""

    header: Header
    meter: str = ""
    since: datetime | None = None
    until: datetime | None = None
    language: str = "es"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldEvent:
    """order: number of the order at whose end it came to be known.   at: xs:dateTime."""

    code: str
    meter: str
    order: str
    at: str
    details: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class EventsResponse:
    header: Header
    reply: Reply
    events: tuple[ToldEvent, ...]


def read_events_request(message: Element, *, language: str) -> EventsRequest:
    """Raises CimError: 1.5, 1.8, 2.5, 2.9."""
    header = read_header(message)
    for name, told, wanted, code in (("Verb", header.verb.lower(), "get", "2.9"), ("Noun", header.noun, NOUN, "2.5")):
        if told and told != wanted:
            es, en = f"Debe ser {wanted}.", f"It must be {wanted}."
            raise CimError(Refusal(code=code, es=es, en=en, xpath=f"/GetEndDeviceEvents/Header/{name}"))
    if not header.source or not header.message_id:
        name = "MessageID" if header.source else "Source"
        at = f"/GetEndDeviceEvents/Header/{name}"
        raise CimError(Refusal(code="1.5", es=f"Falta {name}.", en=f"{name} is missing.", xpath=at))
    check_against_schema(message, SCHEMA)
    request = message.find(f"{{{TYPED}}}Request")
    return EventsRequest(
        header=header,
        meter=_meter(request),
        since=_moment(request, "StartTime"),
        until=_moment(request, "EndTime"),
        language=language,
    )


def write_events(response: EventsResponse) -> Element:
    message = root(f"{{{TYPED}}}{NOUN}ResponseMessage")
    write_header(message, TYPED, response.header)
    write_reply(message, TYPED, response.reply)
    if response.events:
        events = add(add(message, f"{{{TYPED}}}Payload"), f"{{{PROFILE}}}EndDeviceEvents")
        for event in response.events:
            _write_event(events, event)
    return message


def found(count: int, *, is_english: bool) -> Reply:
    """An OK that says how many."""
    words = f"{count} events." if is_english else f"{count} eventos."
    return Reply(Result.OK, (ReplyError("0.0", reason=words),))


def _write_event(events: Element, event: ToldEvent) -> None:
    element = add(events, f"{{{PROFILE}}}EndDeviceEvent")
    add(element, f"{{{PROFILE}}}createdDateTime", event.at)
    add(element, f"{{{PROFILE}}}issuerTrackingID", event.order)
    asset = add(element, f"{{{PROFILE}}}Assets")
    add(asset, f"{{{PROFILE}}}mRID", event.meter)
    add(add(asset, f"{{{PROFILE}}}Names"), f"{{{PROFILE}}}name", event.meter)
    for name, value in event.details:
        detail = add(element, f"{{{PROFILE}}}EndDeviceEventDetails")
        add(detail, f"{{{PROFILE}}}name", name)
        add(detail, f"{{{PROFILE}}}value", value)
    add(element, f"{{{PROFILE}}}EndDeviceEventType").set("ref", event.code)


def _meter(request: Element | None) -> str:
    ids = () if request is None else request.iterfind(f"{{{MESSAGE}}}ID")
    return next((" ".join((i.text or "").split()) for i in ids if i.get("objectType") == METER), "")


def _moment(request: Element | None, name: str) -> datetime | None:
    text = text_of(request, f"{{{MESSAGE}}}{name}")
    if not text or request is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError):
        es, en = "Debe ser fecha y hora de estos siglos.", "It must be a date and time of these centuries."
        refusal = Refusal(code="5.2", es=es, en=en, xpath=f"{path_of(request)}/{name}")
        raise CimError(refusal) from None
