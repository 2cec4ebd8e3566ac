"""The page of every message that we send in our own form: what a commercial system must be ready for."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from lxml import etree
from msgspec.structs import replace

from aforo.cim.client import acknowledgement_envelope
from aforo.cim.control_requests import RefusedControl
from aforo.cim.control_response import (
    AnsweredControl,
    ControlResponse,
    Readback,
    refused,
    response_header,
    write_response,
)
from aforo.cim.end_device_events import NOUN as EVENTS
from aforo.cim.end_device_events import EventsResponse, ToldEvent, found, write_events
from aforo.cim.message import FATAL, INFORM, WARNING, Header, Reply, ReplyError, Result, timestamp
from aforo.cim.namespaces import NOUN
from aforo.cim.refusal import Refusal
from aforo.cim.soap import Blame, fault, wrap
from aforo.cim.xml_reading import parse
from aforo.domain.causes import CAUSES, Cause
from aforo.flow.step1_receive_order import acknowledge_several

_NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
_AT = timestamp(_NOW)
_ASKED = Header(verb="create", noun=NOUN, source="CIS", message_id="1001", correlation_id="7001")
_CONTROL = AnsweredControl(
    number="OS-1001", meter="20300001", control_type="3.15.139.13", reason="ARREARS_REDUCTION", watts=Decimal(2500)
)
_READBACK = Readback(before=Decimal(9900), threshold=Decimal(2500), breaker="connected", read_at=_AT)
_WRONG = Refusal(
    code="5.2",
    es="PowerLimit (4000 W) y command (2500 W) no coinciden.",
    en="PowerLimit (4000 W) and command (2500 W) differ.",
    xpath="/CreateEndDeviceControls/Payload/EndDeviceControls/EndDeviceControl/PowerLimit/value",
)


def sent_messages() -> Mapping[str, bytes]:
    """Each in its envelope, by what it tells."""
    return {
        **{name: wrap(write_response(response)) for name, response in _answers().items()},
        "The answer to GetEndDeviceEvents": wrap(write_events(_events())),
        "A message that cannot be read": fault(Blame.CLIENT, _WRONG, language="en"),
        "What a commercial system may answer to a final answer": acknowledgement_envelope(
            _ASKED, source="CIS", now=_NOW
        ),
    }


def _answers() -> Mapping[str, ControlResponse]:
    unreachable, unknown = CAUSES[Cause.METER_UNREACHABLE], CAUSES[Cause.OUTCOME_UNKNOWN]
    held = f"held {Cause.OUTSIDE_SERVICE_WINDOW.value}: until 2026-11-27T11:00:00.000Z"
    failed = ReplyError(unreachable.reply, FATAL, unreachable.en, "FAILED METER_UNREACHABLE: retry_allowed")
    open_ = ReplyError(unknown.reply, WARNING, unknown.en, f"UNCONFIRMED OUTCOME_UNKNOWN: may change until {_AT}")
    verified = ReplyError("0.0", INFORM, "The meter shows the ordered limit.", "VERIFIED")
    accepted = _response(ReplyError("0.3", INFORM, "The order is accepted.", "validated"))
    other = RefusedControl(meter="20300002", number="OS-1002", refusal=_WRONG)
    return {
        "Accepted": accepted,
        "Held until the service window opens": _response(
            ReplyError("6.2", INFORM, CAUSES[Cause.OUTSIDE_SERVICE_WINDOW].en, held)
        ),
        "Refused": refused(_WRONG, _ASKED, language="en", now=_NOW),
        "Several meters, one of them refused": acknowledge_several([accepted, other], _ASKED, language="en", now=_NOW),
        "The final answer: verified": _response(verified, control=replace(_CONTROL, readback=_READBACK)),
        "The final answer: failed": _response(failed, result=Result.FAILED),
        "The final answer: unconfirmed": _response(open_, result=Result.PARTIAL),
    }


def _events() -> EventsResponse:
    event = ToldEvent(
        code="3.15.261.24",
        meter=_CONTROL.meter,
        order=_CONTROL.number,
        at=_AT,
        details=(("before", "9900"), ("threshold", "2500")),
    )
    header = response_header(_ASKED, identifier=_id("events"), at=_AT, noun=EVENTS)
    return EventsResponse(header, found(1, is_english=True), (event,))


def messages(made: str) -> str:
    lines = [
        "# The messages that are sent",
        made,
        "In [our own form](soap.md); the same in other [dialects](dialects.md). All comply with the published schemas.",
        *(line for name, octets in sent_messages().items() for line in _shown(name, octets)),
    ]
    return "\n".join(lines) + "\n"


def _shown(name: str, octets: bytes) -> Iterator[str]:
    envelope = parse(octets)
    etree.indent(envelope)
    yield from ("", f"## {name}", "", "```xml", etree.tostring(envelope, encoding="unicode").rstrip(), "```")


def _response(error: ReplyError, *, result: Result = Result.OK, control: AnsweredControl = _CONTROL) -> ControlResponse:
    header = response_header(_ASKED, identifier=_id(error.code), at=_AT)
    return ControlResponse(header, Reply(result, (error,), control.number), (control,))


def _id(name: str) -> str:
    return f"2d711642-b726-8044-a162-{name.replace('.', ''):0>12.12}"
