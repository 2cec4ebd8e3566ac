"""SOAP envelopes and faults. Answers go out in the version in which the question came; 1.1 where there was none."""

from collections.abc import Set
from enum import Enum

from lxml import etree
from msgspec import Struct

from aforo.cim.message import FATAL, Reply, ReplyError, Result, write_reply
from aforo.cim.namespaces import FAULT, SOAP11, SOAP12, TYPED
from aforo.cim.refusal import Refusal, UnreadableMessage
from aforo.cim.xml_reading import SIZE_MAX, Element, local_name, parse, text_of
from aforo.cim.xml_writing import PREFIXES, add, octets_of, writable

_VERSIONS = (SOAP11, SOAP12)
_TRUE = ("1", "true")


class Blame(Enum):
    """Whose fault it is: the code of SOAP 1.1, and the one of 1.2."""

    CLIENT = ("Client", "Sender")
    SERVER = ("Server", "Receiver")
    MUST_UNDERSTAND = ("MustUnderstand", "MustUnderstand")


class Opened(Struct, frozen=True):
    """An envelope's only message, and the SOAP namespace that it came in."""

    version: str
    message: Element


class HeaderNotUnderstood(UnreadableMessage):
    """A SOAP header block that must be understood (mustUnderstand), and is not."""


class EmptyBody(UnreadableMessage):
    """A SOAP envelope without a message: no order, but as an answer it means that all went well."""


class SoapFault(Exception):
    """The peer answered with a fault. code: without its prefix."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"SOAP fault {code}: {text}")
        self.code = code
        self.text = text


def open_envelope(octets: bytes, *, size_max: int = SIZE_MAX, understood: Set[str] = frozenset()) -> Opened:
    """understood: tags of header blocks that the caller looks at. Raises UnreadableMessage."""
    return _open(parse(octets, size_max=size_max), understood)


def _open(envelope: Element, understood: Set[str] = frozenset()) -> Opened:
    version = etree.QName(envelope).namespace or ""
    if version not in _VERSIONS or local_name(envelope) != "Envelope":
        raise _unreadable("El mensaje no es un sobre SOAP.", "The message is no SOAP envelope.", local_name(envelope))
    _check_headers(envelope, version, understood)
    body = envelope.find(f"{{{version}}}Body")
    if body is None or len(body) > 1:
        raise _unreadable("El sobre SOAP debe llevar un mensaje.", "The SOAP envelope must hold one message.")
    if len(body) == 0:
        raise EmptyBody(Refusal(code="1.8", es="El cuerpo SOAP está vacío.", en="The SOAP body is empty."))
    return Opened(version, body[0])


def _check_headers(envelope: Element, version: str, understood: Set[str]) -> None:
    for block in envelope.iterfind(f"{{{version}}}Header/*"):
        if str(block.tag) not in understood and (block.get(f"{{{version}}}mustUnderstand") or "").strip() in _TRUE:
            refusal = Refusal(
                code="1.8",
                es="Un bloque de la cabecera SOAP exige ser entendido, y no lo es.",
                en="A block of the SOAP header must be understood, and is not.",
                details=local_name(block),
            )
            raise HeaderNotUnderstood(refusal)


def open_answer(octets: bytes, *, size_max: int = SIZE_MAX) -> Element:
    """What a peer answered, without its envelope if it has one. Raises SoapFault, UnreadableMessage."""
    root = parse(octets, size_max=size_max)
    if etree.QName(root).namespace not in _VERSIONS:
        return root
    opened = _open(root)
    if opened.message.tag == f"{{{SOAP11}}}Fault":
        code = text_of(opened.message, "faultcode")
        raise SoapFault(code.rpartition(":")[2], text_of(opened.message, "faultstring")[:300])
    if opened.message.tag == f"{{{SOAP12}}}Fault":
        code = text_of(opened.message, f"{{{SOAP12}}}Code/{{{SOAP12}}}Value")
        text = text_of(opened.message, f"{{{SOAP12}}}Reason/{{{SOAP12}}}Text")
        raise SoapFault(code.rpartition(":")[2], text[:300])
    return opened.message


def wrap(message: Element, version: str = SOAP11) -> bytes:
    envelope = _envelope(version)
    add(envelope, f"{{{version}}}Body").append(message)
    return octets_of(envelope)


def fault(blame: Blame, refusal: Refusal, *, language: str, version: str = SOAP11) -> bytes:
    """The detail is a typed fault message with the same words and the reply code."""
    envelope = _envelope(version)
    element = add(add(envelope, f"{{{version}}}Body"), f"{{{version}}}Fault")
    code = f"soap:{blame.value[_VERSIONS.index(version)]}"
    words = refusal.reason(language)
    if version == SOAP11:
        add(element, "faultcode", code)
        add(element, "faultstring", words)
        detail = add(element, "detail")
    else:
        add(add(element, f"{{{SOAP12}}}Code"), f"{{{SOAP12}}}Value", code)
        text = add(add(element, f"{{{SOAP12}}}Reason"), f"{{{SOAP12}}}Text", words)
        text.set("{http://www.w3.org/XML/1998/namespace}lang", language)
        detail = add(element, f"{{{SOAP12}}}Detail")
    error = ReplyError(refusal.code, FATAL, reason=words, details=refusal.details, xpath=refusal.xpath)
    write_reply(add(detail, FAULT), TYPED, Reply(Result.FAILED, (error,)))
    return octets_of(envelope)


def _envelope(version: str) -> Element:
    return etree.Element(f"{{{version}}}Envelope", nsmap={"soap": version, **PREFIXES})


def _unreadable(es: str, en: str, details: str = "") -> UnreadableMessage:
    return UnreadableMessage(Refusal(code="1.8", es=es, en=en, details=writable(details)[:200]))
