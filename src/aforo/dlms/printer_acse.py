"""Association control in words: AARQ, AARE, RLRQ, RLRE (IEC 62056-5-3, ACSE in BER).

A password or a challenge is counted and never shown, nor is any octet that cannot be followed: it may be one.
"""

from collections.abc import Callable, Iterator, Mapping

from aforo.dlms.acse import AARE, AARQ, RLRE, RLRQ
from aforo.dlms.errors import RemoteProtocolError, malformed
from aforo.dlms.printer_protection import title_words
from aforo.dlms.printer_tree import Inside, Node, Reader, counted
from aforo.dlms.printer_words import (
    ASSOCIATION_RESULTS,
    CONTEXTS,
    MECHANISMS,
    PROVIDER_DIAGNOSTICS,
    RELEASE_REASONS,
    RELEASED_REASONS,
    USER_DIAGNOSTICS,
    named,
)

NAMES = {AARQ: "AARQ", AARE: "AARE", RLRQ: "RLRQ", RLRE: "RLRE"}
"""By tag: what `association_control` reads."""

UA_NAMES = bytes.fromhex("6085740508")
"""What every application context and mechanism begins with: 2.16.756.5.8."""

Words = Callable[[Reader], str]
"""What a field says, read from its content."""

_PASSWORD = 1
_USER_INFORMATION = 0xBE
_MECHANISM_TAGS = {AARQ: 0x8B, AARE: 0x89}
_AUTHENTICATION_TAGS = {AARQ: 0xAC, AARE: 0xAA}
_AUTHENTICATION = {AARQ: "calling-authentication-value", AARE: "responding-authentication-value"}


def association_control(reader: Reader, inside: Inside) -> Node:
    """One of the four APDUs, filling the reader. inside: for what its user-information holds."""
    start = reader.at
    tag = reader.octet()
    outer, reader.is_secret = reader.is_secret, True
    node = reader.whole(NAMES[tag], "", start=start, children=_elements(reader, tag, inside))
    reader.is_secret = outer
    return node


def _elements(reader: Reader, apdu: int, inside: Inside) -> Iterator[Node]:
    start = reader.at
    count = reader.length()
    yield reader.leaf("length", counted(count), start=start)
    begin = reader.at
    fields = reader.part(min(count, reader.left))
    mechanism = 0
    while fields.left:
        start = fields.at
        tag = fields.octet()
        content = fields.part(fields.length())
        if tag == _USER_INFORMATION:
            yield _user_information(content, start, inside)
        elif tag == _AUTHENTICATION_TAGS.get(apdu):
            yield _authentication(content, start, label=_AUTHENTICATION[apdu], mechanism=mechanism)
        else:
            if tag == _MECHANISM_TAGS.get(apdu) and content.left:
                mechanism = content.raw[content.end - 1]
            yield _plain(content, start, *_FIELDS[apdu].get(tag, (f"field {tag:02X}", None)))
    if count > fields.end - begin:
        raise malformed(f"{counted(count)} announced, {fields.end - begin} there")


def _user_information(content: Reader, start: int, inside: Inside) -> Node:
    apdu = _inner(content, 0x04)
    return apdu.around("user-information", "", start=start, inside=inside)


def _authentication(content: Reader, start: int, *, label: str, mechanism: int) -> Node:
    what = {0: "value", _PASSWORD: "password"}.get(mechanism, "challenge")
    octets = content.take(content.left)
    count = octets[1] if len(octets) > 1 and octets[0] == 0x80 and octets[1] == len(octets) - 2 else len(octets)
    return content.hidden(label, f"{what}, {counted(count)}", start=start)


def _plain(content: Reader, start: int, label: str, words: Words | None) -> Node:
    octets = counted(content.left)
    if words is None:
        content.take(content.left)
        return content.hidden(label, octets, start=start)
    try:
        text = words(content)
        if content.left:
            raise malformed(f"{counted(content.left)} too many")
    except RemoteProtocolError as wrong:
        content.take(content.left)
        return content.hidden(label, f"{octets}, not decoded ({wrong.detail})", start=start)
    return content.leaf(label, text, start=start)


def _inner(content: Reader, tag: int) -> Reader:
    """The one element inside, which fills the content."""
    if content.octet() != tag:
        raise malformed(f"an element {tag:02X} was expected")
    inner = content.part(content.length())
    if content.left:
        raise malformed(f"{counted(content.left)} too many")
    return inner


def _name(oid: bytes, branch: int, names: Mapping[int, str]) -> str:
    if len(oid) == len(UA_NAMES) + 2 and oid.startswith(UA_NAMES) and oid[-2] == branch:
        return f"{names.get(oid[-1], 'none of the standard')} (2.16.756.5.8.{branch}.{oid[-1]})"
    raise malformed("a name that is none of the DLMS User Association's")


def _context(content: Reader) -> str:
    inner = _inner(content, 0x06)
    return _name(inner.take(inner.left), 1, CONTEXTS)


def _mechanism(content: Reader) -> str:
    return _name(content.take(content.left), 2, MECHANISMS)


def _title(content: Reader) -> str:
    inner = _inner(content, 0x04)
    title = inner.take(inner.left)
    content.clues.meet(title)
    return title_words(title)


def _number(content: Reader, names: Mapping[int, str]) -> str:
    inner = _inner(content, 0x02)
    return named(inner.number(inner.left), names)


def _result(content: Reader) -> str:
    return _number(content, ASSOCIATION_RESULTS)


def _diagnostic(content: Reader) -> str:
    if content.peek() == 0xA2:
        return f"service provider: {_number(_inner(content, 0xA2), PROVIDER_DIAGNOSTICS)}"
    return f"service user: {_number(_inner(content, 0xA1), USER_DIAGNOSTICS)}"


def _requirements(content: Reader) -> str:
    content.octet()  # how many bits of the next octet are unused
    return "authentication" if content.octet() & 0x80 else "none"


def _reason(content: Reader) -> str:
    return named(content.number(content.left), RELEASE_REASONS)


def _released_reason(content: Reader) -> str:
    return named(content.number(content.left), RELEASED_REASONS)


_FIELDS: dict[int, dict[int, tuple[str, Words | None]]] = {
    AARQ: {
        0xA1: ("application-context-name", _context),
        0xA6: ("calling-AP-title", _title),
        0x8A: ("sender-acse-requirements", _requirements),
        0x8B: ("mechanism-name", _mechanism),
    },
    AARE: {
        0xA1: ("application-context-name", _context),
        0xA2: ("result", _result),
        0xA3: ("result-source-diagnostic", _diagnostic),
        0xA4: ("responding-AP-title", _title),
        0x88: ("responder-acse-requirements", _requirements),
        0x89: ("mechanism-name", _mechanism),
    },
    RLRQ: {0x80: ("reason", _reason)},
    RLRE: {0x80: ("reason", _released_reason)},
}
"""Every other field is counted only: nobody can say what a device puts there."""
