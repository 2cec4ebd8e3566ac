"""Every answer to an order: the acknowledgement at once, the final answer, a refusal. Written and read here."""

from datetime import datetime
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from aforo.cim.end_device_controls import write_limit, write_meter
from aforo.cim.message import (
    FATAL,
    OUR_SOURCE,
    Header,
    Reply,
    ReplyError,
    Result,
    message_id,
    read_header,
    read_reply,
    timestamp,
    write_header,
    write_reply,
)
from aforo.cim.namespaces import NOUN, OURS, PROFILE, RESPONSE, SOAP11, TYPED
from aforo.cim.refusal import Refusal, UnreadableMessage
from aforo.cim.soap import open_answer, wrap
from aforo.cim.xml_reading import Element, text_of
from aforo.cim.xml_writing import add, add_if, root

_CONTROL = f"{{{PROFILE}}}EndDeviceControl"


class Readback(Struct, frozen=True, kw_only=True):
    """What the meter said, in watts. breaker: the COSEM control state in lower case, empty when it was not read.

    before, threshold: None when only the supply switch was read.   read_at: xs:dateTime.
    active: the threshold that it compares with now; None when the meter has no such attribute.
    """

    before: Decimal | None = None
    threshold: Decimal | None = None
    active: Decimal | None = None
    breaker: str = ""
    read_at: str


class AnsweredControl(Struct, frozen=True, kw_only=True):
    """The order that an answer is about. watts: as ordered; None for an order that sets nothing."""

    number: str
    meter: str
    control_type: str = ""
    reason: str = ""
    watts: Decimal | None = None
    readback: Readback | None = None


class ControlResponse(Struct, frozen=True):
    """EndDeviceControlsResponseMessage."""

    header: Header
    reply: Reply
    controls: tuple[AnsweredControl, ...] = ()

    @property
    def control(self) -> AnsweredControl | None:
        """The first, which for most answers is the only one."""
        return self.controls[0] if self.controls else None

    @property
    def error(self) -> ReplyError:
        """The first one; code 0.0 when the reply has none."""
        return self.reply.errors[0] if self.reply.errors else ReplyError("0.0")


def response_header(asked: Header, *, identifier: str, at: str, noun: str = NOUN) -> Header:
    """identifier: the answer's own MessageID.   at: xs:dateTime."""
    return Header(
        verb="reply",
        noun=noun,
        timestamp=at,
        source=OUR_SOURCE,
        message_id=identifier,
        correlation_id=asked.answer_correlation,
    )


def refused(refusal: Refusal, asked: Header, *, language: str, now: datetime, number: str = "") -> ControlResponse:
    """FAILED, with the refusal's code, words and path."""
    at = timestamp(now)
    identifier = message_id("refused", asked.source, asked.answer_correlation, refusal.code, at)
    error = ReplyError(refusal.code, FATAL, refusal.reason(language), refusal.details, refusal.xpath)
    header = response_header(asked, identifier=identifier, at=at)
    return ControlResponse(header, Reply(Result.FAILED, (error,), number))


def write_response(response: ControlResponse) -> Element:
    message = root(RESPONSE)
    write_header(message, TYPED, response.header)
    write_reply(message, TYPED, response.reply)
    if response.controls:
        payload = add(message, f"{{{TYPED}}}Payload")
        controls = add(payload, f"{{{PROFILE}}}EndDeviceControls")
        for control in response.controls:
            _write_control(controls, control)
    return message


def response_envelope(response: ControlResponse, version: str = SOAP11) -> bytes:
    return wrap(write_response(response), version)


def read_response(octets: bytes) -> ControlResponse:
    """An answer, typed or generic, with or without its envelope. Raises SoapFault, UnreadableMessage."""
    message = open_answer(octets)
    controls = message.iterfind(f"{{*}}Payload/{{{PROFILE}}}EndDeviceControls/{_CONTROL}")
    try:
        answered = tuple(_read_control(control) for control in controls)
        return ControlResponse(read_header(message), read_reply(message), answered)
    except (ValueError, InvalidOperation) as error:
        refusal = Refusal(
            code="1.8",
            es="El mensaje no es una respuesta CIM.",
            en="The message is no CIM response.",
            details=str(error)[:200],
        )
        raise UnreadableMessage(refusal) from None


def _write_control(controls: Element, control: AnsweredControl) -> None:
    element = add(controls, _CONTROL)
    add_if(element, f"{{{PROFILE}}}issuerTrackingID", control.number)
    add_if(element, f"{{{PROFILE}}}reason", control.reason)
    if control.control_type:
        add(element, f"{{{PROFILE}}}EndDeviceControlType").set("ref", control.control_type)
    write_meter(element, control.meter)
    if control.watts is not None:
        write_limit(element, control.watts)
    if control.readback is not None:
        _write_readback(add(element, f"{{{OURS}}}Readback"), control.readback)


def _write_readback(element: Element, readback: Readback) -> None:
    thresholds = {"before": readback.before, "threshold": readback.threshold, "activeThreshold": readback.active}
    told = {name: watts for name, watts in thresholds.items() if watts is not None}
    for name, watts in told.items():
        add(element, f"{{{OURS}}}{name}", f"{watts:f}")
    if told:
        add(element, f"{{{OURS}}}unit", "W")
    add_if(element, f"{{{OURS}}}breaker", readback.breaker)
    add(element, f"{{{OURS}}}readAt", readback.read_at)


def _read_control(control: Element) -> AnsweredControl:
    kind = control.find(f"{{{PROFILE}}}EndDeviceControlType")
    watts = text_of(control, f"{{{OURS}}}PowerLimit/{{{OURS}}}value")
    readback = control.find(f"{{{OURS}}}Readback")
    return AnsweredControl(
        number=text_of(control, f"{{{PROFILE}}}issuerTrackingID"),
        meter=text_of(control, f"{{{PROFILE}}}EndDevices/{{{PROFILE}}}mRID"),
        control_type="" if kind is None else kind.get("ref") or "",
        reason=text_of(control, f"{{{PROFILE}}}reason"),
        watts=Decimal(watts) if watts else None,
        readback=None if readback is None else _read_readback(readback),
    )


def _read_readback(element: Element) -> Readback:
    texts = [text_of(element, f"{{{OURS}}}{name}") for name in ("before", "threshold", "activeThreshold")]
    before, threshold, active = (Decimal(text) if text else None for text in texts)
    return Readback(
        before=before,
        threshold=threshold,
        active=active,
        breaker=text_of(element, f"{{{OURS}}}breaker"),
        read_at=text_of(element, f"{{{OURS}}}readAt"),
    )
