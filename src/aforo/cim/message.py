"""What every message has: header and reply, in the order of IEC 61968-100 (2013)."""

import hashlib
from datetime import UTC, datetime
from enum import Enum

from msgspec import Struct

from aforo.cim.namespaces import MESSAGE
from aforo.cim.xml_reading import Element, text_of, texts_of, token_of
from aforo.cim.xml_writing import add, add_if

FATAL = "FATAL"
WARNING = "WARNING"
INFORM = "INFORM"
OUR_SOURCE = "aforo"
ORDER_NUMBER = "issuerTrackingID"
"""The idType under which an ID is the order's number."""

CORRELATION = "CorrelationID"
"""The idType under which an ID is the correlation id of the message that ordered."""

_BOOLEAN = {"true": True, "1": True, "false": False, "0": False}


class Result(Enum):
    """Reply/Result."""

    OK = "OK"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"


class Header(Struct, frozen=True, kw_only=True):
    """Texts as they came, empty where there was none.   timestamp: xs:dateTime.   async_reply: None when not said.

    nonce, created: of ReplayDetection; read, never written.
    """

    verb: str
    noun: str
    context: str = ""
    timestamp: str = ""
    source: str = ""
    async_reply: bool | None = None
    reply_address: str = ""
    message_id: str = ""
    correlation_id: str = ""
    nonce: str = ""
    created: str = ""

    @property
    def answer_correlation(self) -> str:
        """The CorrelationID of every answer to this message."""
        return self.correlation_id or self.message_id


class ReplyError(Struct, frozen=True):
    """Reply/Error. code: IEC 61968-9 reply code; 0.x are no errors, whatever the element is called.

    meter: the one that it is about, when the message is about several.
    """

    code: str
    level: str = INFORM
    reason: str = ""
    details: str = ""
    xpath: str = ""
    meter: str = ""


class Reply(Struct, frozen=True):
    """number: of the order, as an ID; empty when it is not known, or when there are several."""

    result: Result
    errors: tuple[ReplyError, ...] = ()
    number: str = ""


def timestamp(at: datetime) -> str:
    """xs:dateTime in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """Of an xs:dateTime, in UTC, which it is in without an offset. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except OverflowError as far:
        raise ValueError(f"{text} lies outside the years 1 to 9999 in UTC") from far


def message_id(*names: str) -> str:
    """A UUID (RFC 9562, version 8) made from names: the same names give the same one, so a repeat is known as one."""
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"


def read_header(message: Element, envelope: str = MESSAGE) -> Header:
    """Of a typed or generic message, whatever namespace its own Header has; nothing is demanded of it.

    envelope: namespace of what lies in the Header.
    """
    header = message.find("{*}Header")
    texts = texts_of(header)
    replay = None if header is None else header.find(f"{{{envelope}}}ReplayDetection")

    def text(name: str) -> str:
        return texts.get(f"{{{envelope}}}{name}", "")

    return Header(
        verb=text("Verb"),
        noun=text("Noun"),
        context=text("Context"),
        timestamp=text("Timestamp"),
        source=text("Source"),
        async_reply=_BOOLEAN.get(text("AsyncReplyFlag")),
        reply_address=text("ReplyAddress"),
        message_id=text("MessageID"),
        correlation_id=text("CorrelationID"),
        nonce=text_of(replay, f"{{{envelope}}}Nonce"),
        created=text_of(replay, f"{{{envelope}}}Created"),
    )


def write_header(message: Element, namespace: str, header: Header) -> None:
    element = add(message, f"{{{namespace}}}Header")
    flag = "" if header.async_reply is None else str(header.async_reply).lower()
    for name, text in (
        ("Verb", header.verb),
        ("Noun", header.noun),
        ("Context", header.context),
        ("Timestamp", header.timestamp),
        ("Source", header.source),
        ("AsyncReplyFlag", flag),
        ("ReplyAddress", header.reply_address),
        ("MessageID", header.message_id),
        ("CorrelationID", header.correlation_id),
    ):
        add_if(element, f"{{{MESSAGE}}}{name}", text)


def write_reply(message: Element, namespace: str, reply: Reply) -> None:
    element = add(message, f"{{{namespace}}}Reply")
    add(element, f"{{{MESSAGE}}}Result", reply.result.value)
    for error in reply.errors:
        written = add(element, f"{{{MESSAGE}}}Error")
        for name in ("code", "level", "reason", "details", "xpath"):
            add_if(written, f"{{{MESSAGE}}}{name}", getattr(error, name))
        if error.meter:
            add(written, f"{{{MESSAGE}}}ID", error.meter).attrib.update({"kind": "name", "objectType": "Meter"})
    if reply.number:
        add(element, f"{{{MESSAGE}}}ID", reply.number).attrib.update(
            {"idType": ORDER_NUMBER, "kind": "name", "objectType": "EndDeviceControl"}
        )


def read_reply(message: Element) -> Reply:
    """Raises ValueError when there is none, or when its Result is none of the three."""
    element = message.find("{*}Reply")
    result = Result(text_of(element, f"{{{MESSAGE}}}Result"))
    assert element is not None, "a text was found in it"
    errors = tuple(_read_error(error) for error in element.iterfind(f"{{{MESSAGE}}}Error"))
    return Reply(result, errors, order_number(element))


def order_number(element: Element) -> str:
    """From the IDs of a Request or Reply: the one of type issuerTrackingID, or the only one without a type."""
    ids = element.findall(f"{{{MESSAGE}}}ID")
    ours = [i for i in ids if i.get("idType") == ORDER_NUMBER] or [i for i in ids if not i.get("idType")]
    return token_of(ours[0]) if ours else ""


def correlation_asked(element: Element | None) -> str:
    """From the IDs of a Request; empty when there is none of this type."""
    ids = () if element is None else element.iterfind(f"{{{MESSAGE}}}ID")
    return next((token_of(i) for i in ids if i.get("idType") == CORRELATION), "")


def _read_error(element: Element) -> ReplyError:
    names = ("code", "level", "reason", "details", "xpath", "ID")
    return ReplyError(*(text_of(element, f"{{{MESSAGE}}}{name}") for name in names))
