"""What is known of a meter's events: GetEndDeviceEvents, and its answer (IEC 61968-9, EndDeviceEvents)."""

from datetime import datetime

from msgspec import Struct

from aforo.cim.message import Header, Reply, ReplyError, Result, moment_of, read_header
from aforo.cim.namespaces import MESSAGE
from aforo.cim.refusal import CimError, Refusal
from aforo.cim.schemas import check_against_schema
from aforo.cim.typed_reply import check_typed_header, typed_namespace, write_typed_reply
from aforo.cim.xml_reading import Element, path_of, text_of, token_of
from aforo.cim.xml_writing import add

NOUN = "EndDeviceEvents"
PROFILE = "http://iec.ch/TC57/2011/EndDeviceEvents#"
TYPED = typed_namespace(NOUN)
GET = f"{{{TYPED}}}GetEndDeviceEvents"
SCHEMA = "EndDeviceEventsMessage.xsd"
METER = "Meter"
"""The objectType under which an ID is a meter's number."""


class EventsRequest(Struct, frozen=True, kw_only=True):
    """since, until: None when not said.   meter: empty for all that the sender has ordered for."""

    header: Header
    meter: str = ""
    since: datetime | None = None
    until: datetime | None = None
    language: str = "es"


class ToldEvent(Struct, frozen=True, kw_only=True):
    """order: number of the order at whose end it came to be known.   at: xs:dateTime."""

    code: str
    meter: str
    order: str
    at: str
    details: tuple[tuple[str, str], ...] = ()


class EventsResponse(Struct, frozen=True):
    header: Header
    reply: Reply
    events: tuple[ToldEvent, ...]


def read_events_request(message: Element, *, language: str) -> EventsRequest:
    """Raises CimError: 1.5, 1.8, 2.5, 2.9."""
    header = read_header(message)
    check_typed_header(message, header, "get", NOUN)
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
    message = write_typed_reply(NOUN, response.header, response.reply)
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
    return next((token_of(i) for i in ids if i.get("objectType") == METER), "")


def _moment(request: Element | None, name: str) -> datetime | None:
    text = text_of(request, f"{{{MESSAGE}}}{name}")
    if not text or request is None:
        return None
    try:
        return moment_of(text)
    except ValueError:
        es, en = "Debe ser fecha y hora de estos siglos.", "It must be a date and time of these centuries."
        refusal = Refusal(code="5.2", es=es, en=en, xpath=f"{path_of(request)}/{name}")
        raise CimError(refusal) from None
