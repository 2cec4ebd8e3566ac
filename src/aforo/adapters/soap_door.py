"""The SOAP door, step 1 at the wire: a plain ASGI application, to be mounted or run by itself.

POST takes orders and questions in every dialect; GET ?wsdl and ?xsd=NAME describe them. Whatever comes in, XML with a
reason goes out.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol
from urllib.parse import parse_qsl

from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from aforo.adapters.gatekeeper import Gatekeeper, NotAdmitted, check_scope, check_source, peer_of
from aforo.adapters.trace_context import TRACEPARENT, traceparent_of
from aforo.cim import schemas, soap
from aforo.cim.control_requests import CancelRequest, ControlRequest, GetRequest, RefusedControl
from aforo.cim.control_response import ControlResponse, refused, response_envelope, response_header
from aforo.cim.dialect import Dialect, Dialects, RequestForm, shipped
from aforo.cim.end_device_events import GET as EVENTS
from aforo.cim.end_device_events import NOUN as EVENTS_NOUN
from aforo.cim.end_device_events import EventsRequest, EventsResponse, read_events_request, write_events
from aforo.cim.master_data_linkage import LINK, UNLINK, LinkageRequest, read_linkage
from aforo.cim.master_data_linkage import NOUN as LINKAGE_NOUN
from aforo.cim.message import Header, Reply, message_id, read_header, timestamp
from aforo.cim.namespaces import CANCEL, CHANGE, CREATE, GET, SOAP11, SOAP12
from aforo.cim.refusal import CimError, Refusal, UnreadableMessage
from aforo.cim.soap import Blame, HeaderNotUnderstood, Opened
from aforo.cim.translation import Asked, answer_envelope, header_of, read_ours, read_request
from aforo.cim.typed_reply import write_typed_reply
from aforo.cim.username_token import SECURITY, UsernameToken, read_username_token
from aforo.cim.xml_reading import SIZE_MAX, Element, local_name, too_large
from aforo.domain.callers import Caller
from aforo.domain.callers import Scope as Permission
from aforo.engine.ports import StoreUnavailable

READ_WAIT_S_MAX = 10.0
DISCARDED_MAX = 4 * 1024 * 1024
"""Octets of a body beyond its limit that are read and thrown away: a client that is cut off in the middle of sending
never sees why."""

_SERVICES = sorted(schemas.SERVICES, key=len, reverse=True)
_NOUNS = {EVENTS: EVENTS_NOUN, LINK: LINKAGE_NOUN, UNLINK: LINKAGE_NOUN}
"""Those that have no dialects, by root element."""

_LOOKED_AT = frozenset({SECURITY})
_OPERATIONS = {CREATE: "create", CHANGE: "change", CANCEL: "cancel", GET: "get"}
"""Of our own form, by the root element of the body: a SOAPAction is the long URI for some, and empty for others."""

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)
_XML_TYPES = {"text/xml", "application/xml", "application/soap+xml"}
"""Others are refused, text/plain above all: a web page could send that from a visitor's browser without being asked."""

_OURS = Refusal(
    code="5.1",
    es="Error interno; la orden puede repetirse con el mismo número.",
    en="Internal error; the order may be sent again under the same number.",
)

_STORE_AWAY = Refusal(
    code="5.9",
    es="La base de datos no está disponible ahora; envíe la orden de nuevo con el mismo número.",
    en="The database cannot be reached now; send the order again under the same number.",
)
"""Whether it was kept is not known. Under the same number it is kept once."""


class Integration(Protocol):
    """Whoever receives the orders. All may raise CimError."""

    async def take(
        self, items: Sequence[ControlRequest | RefusedControl], asked: Header, *, language: str, traceparent: str = ""
    ) -> ControlResponse: ...

    async def create(self, request: ControlRequest, *, traceparent: str = "") -> ControlResponse: ...

    async def cancel(self, request: CancelRequest) -> ControlResponse: ...

    async def get(self, request: GetRequest) -> ControlResponse: ...

    async def events(self, request: EventsRequest) -> EventsResponse: ...

    async def link(self, request: LinkageRequest) -> Reply: ...


class _Gone(Exception):
    """The client closed the connection before it had sent everything."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    content_type: str = "text/xml; charset=utf-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """size_max: octets of a message.   dialects: that are understood.   gate: who may come in; None for everybody."""

    size_max: int = SIZE_MAX
    read_wait_s: float = READ_WAIT_S_MAX
    dialects: Dialects = field(default_factory=shipped)
    gate: Gatekeeper | None = None


_DEFAULT = DoorSettings()


class SoapDoor:
    """now: the clock, for the timestamps of refusals. The number of connections is the server's to bound."""

    def __init__(
        self,
        integration: Integration,
        *,
        now: Callable[[], datetime],
        settings: DoorSettings = _DEFAULT,
    ) -> None:
        self._integration = integration
        self._now = now
        self._settings = settings
        self._size_max = settings.size_max
        self._gate = settings.gate or Gatekeeper(None, now=now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        assert scope["type"] == "http", f"the SOAP door has no part in {scope['type']}"
        language = language_of(_header(scope, b"accept-language"))
        try:
            answer = await self._answer(scope, receive, language)
        except _Gone:
            return
        except StoreUnavailable:
            fault = soap.fault(Blame.SERVER, _STORE_AWAY, language=language)
            answer = _Answer(503, fault, headers=((b"retry-after", b"2"),))
        except Exception:
            fault = soap.fault(Blame.SERVER, _OURS, language=language)
            await _send(send, _Answer(500, fault))
            raise  # to the server's own log, with its traceback
        await _send(send, answer)

    async def _answer(self, scope: Scope, receive: Receive, language: str) -> _Answer:
        if service_at(scope["path"]) is None:
            return _told(404, language, "No hay servicio en esta ruta.", "There is no service at this path.")
        if scope["method"] in ("GET", "HEAD"):
            return _description(scope, language)
        if scope["method"] != "POST":
            answer = _told(405, language, "Use POST, o GET con ?wsdl.", "Use POST, or GET with ?wsdl.")
            return _Answer(405, answer.body, headers=((b"allow", b"GET, HEAD, POST"),))
        return await self._take(scope, receive, language)

    async def _take(self, scope: Scope, receive: Receive, language: str) -> _Answer:
        if _header(scope, b"content-type").partition(";")[0].strip().lower() not in _XML_TYPES:
            return _told(415, language, "El Content-Type debe ser text/xml.", "The Content-Type must be text/xml.")
        if _header(scope, b"content-encoding").lower() not in ("", "identity"):
            return _told(415, language, "No se acepta contenido comprimido.", "Compressed content is not accepted.")
        if _announced(scope) > DISCARDED_MAX:
            self._gate.note("too large", None, peer_of(scope))
            return _too_large(self._size_max, language)
        try:
            async with asyncio.timeout(self._settings.read_wait_s):
                octets = await self._read(receive)
        except TimeoutError:
            self._gate.note("slow body", None, peer_of(scope))
            return _told(408, language, "El mensaje no llegó a tiempo.", "The message did not arrive in time.")
        if octets is None:
            self._gate.note("too large", None, peer_of(scope))
            return _too_large(self._size_max, language)
        return await self._handle(scope, octets, language)

    async def _read(self, receive: Receive) -> bytes | None:
        """None: larger than allowed. Never holds more than that, and one piece of the server's."""
        octets, length = bytearray(), 0
        while length <= DISCARDED_MAX:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise _Gone
            piece = event.get("body", b"")
            length += len(piece)
            if length <= self._size_max:
                octets += piece
            if not event.get("more_body", False):
                return bytes(octets) if length <= self._size_max else None
        return None

    async def _handle(self, scope: Scope, octets: bytes, language: str) -> _Answer:
        understood = frozenset() if self._gate.is_open else _LOOKED_AT
        try:
            opened = soap.open_envelope(octets, size_max=self._size_max, understood=understood)
        except UnreadableMessage as error:
            self._gate.note("unreadable message", None, peer_of(scope), error.refusal.en)
            blame = Blame.MUST_UNDERSTAND if isinstance(error, HeaderNotUnderstood) else Blame.CLIENT
            return _Answer(500, soap.fault(blame, error.refusal, language=language))
        try:
            caller = self._gate.identify(scope, partial(_username_token, opened))
            with self._gate.room_for(caller, peer_of(scope)):
                return await self._respond(opened, caller, scope, (caller and caller.language) or language)
        except NotAdmitted as out:
            return _not_admitted(out, opened.version, language)

    async def _respond(self, opened: Opened, caller: Caller | None, scope: Scope, language: str) -> _Answer:
        peer = peer_of(scope)
        noun = _NOUNS.get(str(opened.message.tag))
        if noun is not None:
            element = await self._respond_of(noun, opened.message, (caller, peer), language)
            return _Answer(200, soap.wrap(element, opened.version), _content_type(opened.version))
        spoken = self._spoken(opened.message, caller)
        if spoken is None and opened.message.tag not in _OPERATIONS:
            return _unknown_operation(opened, language)
        header = read_header(opened.message) if spoken is None else header_of(opened.message, spoken[0])
        try:
            self._check_sender(opened.message, header, caller)
            if spoken is None:
                asked = read_ours(opened.message, _OPERATIONS[str(opened.message.tag)], language)
            else:
                asked = read_request(opened.message, *spoken, language=language)
            traceparent = traceparent_of(_header(scope, TRACEPARENT.encode()))
            response = await self._handed_over(asked, header, language, traceparent)
        except CimError as error:
            response = self._refused(error, header, (caller, peer), language)
        envelope = response_envelope if spoken is None else partial(answer_envelope, dialect=spoken[0])
        return _Answer(200, envelope(response, version=opened.version), _content_type(opened.version))

    async def _respond_of(
        self, noun: str, message: Element, sender: tuple[Caller | None, str], language: str
    ) -> Element:
        """The answer to a message of a noun that has no dialects. sender: who, and from where."""
        header = read_header(message)
        try:
            self._check_sender(message, header, sender[0])
            if noun == EVENTS_NOUN:
                return write_events(await self._integration.events(read_events_request(message, language=language)))
            check_scope(sender[0], Permission.REGISTRY_WRITE, f"/{local_name(message)}")
            reply = await self._integration.link(read_linkage(message, language=language))
        except CimError as error:
            told = self._refused(error, header, sender, language)
            return write_typed_reply(noun, replace(told.header, noun=noun), told.reply)
        at = timestamp(self._now())
        identifier = message_id(noun, header.source, header.message_id, at)
        return write_typed_reply(noun, response_header(header, identifier=identifier, at=at, noun=noun), reply)

    def _check_sender(self, message: Element, header: Header, caller: Caller | None) -> None:
        """Raises CimError."""
        at = f"/{local_name(message)}/Header"
        check_source(caller, header.source, f"{at}/Source")
        self._gate.check_replay(header, f"{at}/ReplayDetection")

    def _refused(
        self, error: CimError, header: Header, sender: tuple[Caller | None, str], language: str
    ) -> ControlResponse:
        if error.refusal.code.startswith("7."):
            self._gate.note("not authorized", *sender, error.refusal.en)
        return refused(error.refusal, header, language=language, now=self._now())

    def _spoken(self, message: Element, caller: Caller | None) -> tuple[Dialect, RequestForm] | None:
        """None: our own form, or nothing that we know. What a caller is known to speak goes before what it is like."""
        name = "" if caller is None else caller.dialect
        if not name and message.tag in _OPERATIONS:
            return None
        return self._settings.dialects.find(message, name)

    async def _handed_over(self, asked: Asked, header: Header, language: str, traceparent: str) -> ControlResponse:
        if isinstance(asked, GetRequest):
            return await self._integration.get(asked)
        if isinstance(asked, CancelRequest):
            return await self._integration.cancel(asked)
        return await self._integration.take(asked, header, language=language, traceparent=traceparent)


def _username_token(opened: Opened) -> UsernameToken | None:
    return read_username_token(opened.message.getroottree().getroot())


def _not_admitted(refused: NotAdmitted, version: str, language: str) -> _Answer:
    headers = {401: (b"www-authenticate", b"Bearer"), 429: (b"retry-after", b"1")}
    fault = soap.fault(Blame.CLIENT, refused.refusal, language=language, version=version)
    return _Answer(refused.status, fault, _content_type(version), (headers[refused.status],))


def service_at(path: str) -> str | None:
    """The service described there; None when there is none."""
    return next((service for service in _SERVICES if path.endswith(f"/{service}")), None)


def _unknown_operation(opened: Opened, language: str) -> _Answer:
    refusal = Refusal(
        code="2.9",
        es="Operación desconocida: use CreateEndDeviceControls u otra de la descripción (?wsdl).",
        en="Unknown operation: use CreateEndDeviceControls or another of the description (?wsdl).",
        details=local_name(opened.message)[:200],
    )
    fault = soap.fault(Blame.CLIENT, refusal, language=language, version=opened.version)
    status = 500 if opened.version == SOAP11 else 400
    return _Answer(status, fault, _content_type(opened.version))


def _description(scope: Scope, language: str) -> _Answer:
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=10))
    asked = {name.lower(): value for name, value in query.items()}
    if "xsd" in asked and asked["xsd"] in schemas.NAMES:
        return _Answer(200, schemas.published(asked["xsd"]))
    if "wsdl" not in asked:
        return _told(404, language, "Pida ?wsdl o ?xsd=NOMBRE.", "Ask for ?wsdl or ?xsd=NAME.")
    host = _header(scope, b"host")
    if not _HOST.fullmatch(host):
        return _told(400, language, "La cabecera Host no es válida.", "The Host header is not valid.")
    service = service_at(scope["path"])
    assert service is not None, "the path was looked at before"
    return _Answer(200, schemas.published_wsdl(service, f"{scope['scheme']}://{host}{scope['path']}"))


def _told(status: int, language: str, es: str, en: str) -> _Answer:
    return _Answer(status, soap.fault(Blame.CLIENT, Refusal(code="1.8", es=es, en=en), language=language))


def _too_large(size_max: int, language: str) -> _Answer:
    fault = soap.fault(Blame.CLIENT, too_large(size_max).refusal, language=language)
    return _Answer(413, fault, headers=((b"connection", b"close"),))


def _content_type(version: str) -> str:
    return "application/soap+xml; charset=utf-8" if version == SOAP12 else "text/xml; charset=utf-8"


def _header(scope: Scope, name: bytes) -> str:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def _announced(scope: Scope) -> int:
    text = _header(scope, b"content-length")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def language_of(accepted: str) -> str:
    """accepted: Accept-Language. en when it names it before es; else es."""
    first = re.search(r"\b(es|en)\b", accepted.lower())
    return first[1] if first else "es"


async def _send(send: Send, answer: _Answer) -> None:
    headers = [
        (b"content-type", answer.content_type.encode("ascii")),
        (b"content-length", str(len(answer.body)).encode("ascii")),
        (b"x-content-type-options", b"nosniff"),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
