"""Protected APDUs in words: glo-, ded-, general-glo- and their kin, opened where a key that is known fits."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from aforo.dlms.errors import ErrorCode, RemoteProtocolError, malformed
from aforo.dlms.general_ciphering import (
    AGREED,
    GLOBAL_BROADCAST,
    GLOBAL_UNICAST,
    IDENTIFIED,
    MASTER,
    ONE_PASS,
    STATIC,
    WRAPPED,
)
from aforo.dlms.keys import SystemTitle
from aforo.dlms.printer_data import date_time_words, text_words
from aforo.dlms.printer_fields import number_field
from aforo.dlms.printer_tree import Clues, Inside, Node, Reader, counted
from aforo.dlms.printer_words import control_words, named
from aforo.dlms.security import AUTHENTICATED, ENCRYPTED, TAG_OCTETS

_GENERAL_GLO, _GENERAL_DED, _GENERAL_CIPHERING, _GENERAL_SIGNING = 0xDB, 0xDC, 0xDD, 0xDF
_KEY_INFO = {IDENTIFIED: "identified", WRAPPED: "wrapped", AGREED: "agreed"}
_KEY_IDS = {GLOBAL_UNICAST: "global unicast encryption key", GLOBAL_BROADCAST: "global broadcast encryption key"}
_SCHEMES = {ONE_PASS: "one-pass Diffie-Hellman C(1e, 1s)", STATIC: "static unified model C(0e, 2s)"}
_TITLE_OCTETS = 8
_SERVICES = {
    0x00: "get-request", 0x01: "set-request", 0x02: "event-notification-request", 0x03: "action-request",
    0x04: "get-response", 0x05: "set-response", 0x07: "action-response",
}  # fmt: skip
_DEDICATED = {0x41: "ded-initiate-request", 0x48: "ded-initiate-response"} | {
    0xD0 + service: f"ded-{name}" for service, name in _SERVICES.items()
}
_GLOBAL = {0x21: "glo-initiate-request", 0x28: "glo-initiate-response"} | {
    0xC8 + service: f"glo-{name}" for service, name in _SERVICES.items()
}
NAMES = {
    **_DEDICATED, **_GLOBAL, _GENERAL_GLO: "general-glo-ciphering", _GENERAL_DED: "general-ded-ciphering",
    _GENERAL_CIPHERING: "general-ciphering", _GENERAL_SIGNING: "general-signing",
}  # fmt: skip
"""By tag: what `protected` reads."""

_HEAD_OCTETS = 5


def protected(reader: Reader, inside: Inside) -> Node:
    """One protected APDU that fills the reader."""
    start = reader.at
    tag = reader.octet()
    return reader.whole(NAMES[tag], "", start=start, children=_parts(reader, tag, inside))


def title_words(title: bytes) -> str:
    """Its octets, and the manufacturer's three letters where they are some."""
    letters = text_words(title[:3])
    return (
        f"{title.hex().upper()} ({letters})"
        if letters and len(title) == _TITLE_OCTETS
        else title.hex().upper() or "none"
    )


@dataclass(frozen=True, slots=True)
class _Seal:
    """titles: who may have ciphered.   extra: authenticated too.   reason: why it is not opened, whatever is known."""

    titles: tuple[SystemTitle, ...]
    extra: bytes = b""
    reason: str = ""


def _parts(reader: Reader, tag: int, inside: Inside) -> Iterator[Node]:
    seal = _Seal(reader.clues.titles)
    if tag == _GENERAL_SIGNING:
        yield from _signed(reader, inside)
        return
    if tag == _GENERAL_CIPHERING:
        seal = yield from _general_head(reader)
    elif tag in (_GENERAL_GLO, _GENERAL_DED):
        start = reader.at
        title = reader.string()
        yield reader.leaf("system title", title_words(title), start=start)
        if len(title) == _TITLE_OCTETS:
            seal = _Seal((SystemTitle(title),))
    if tag == _GENERAL_DED or tag in _DEDICATED:
        seal = _Seal((), reason="not deciphered: under the dedicated key of the association")
    yield from _content(reader, seal, inside)


def _envelope(reader: Reader) -> Generator[Node, None, bytes]:
    """Transaction, parties, time, the rest; whose title the originator's is."""
    originator = b""
    for label in ("transaction-id", "originator-system-title", "recipient-system-title"):
        start = reader.at
        title = reader.string()
        yield reader.leaf(label, title_words(title), start=start)
        originator = title if label.startswith("originator") else originator
    start = reader.at
    moment = reader.string()
    yield reader.leaf("date-time", (date_time_words(moment) if len(moment) == 12 else None) or "none", start=start)
    start = reader.at
    yield reader.leaf("other-information", reader.string().hex() or "none", start=start)
    return originator


def _general_head(reader: Reader) -> Generator[Node, None, _Seal]:
    begin = reader.at
    originator = yield from _envelope(reader)
    extra = reader.raw[begin : reader.at]
    start = reader.at
    reason = ""
    if reader.octet():
        choice = reader.octet()
        yield reader.leaf("key-info", named(choice, _KEY_INFO), start=start)
        if choice == IDENTIFIED:
            yield number_field(reader, "key-id", 1, lambda number: named(number, _KEY_IDS))
        else:
            yield from _carried_key(reader, choice)
            reason = f"not deciphered: under a key that is {_KEY_INFO[choice]}"
    else:
        yield reader.leaf("key-info", "none", start=start)
    titles = (SystemTitle(originator),) if len(originator) == _TITLE_OCTETS else reader.clues.titles
    return _Seal(titles, extra, reason)


def _carried_key(reader: Reader, choice: int) -> Iterator[Node]:
    outer, reader.is_secret = reader.is_secret, True
    if choice == WRAPPED:
        yield number_field(reader, "kek-id", 1, lambda number: "0 master key" if number == MASTER else str(number))
        start = reader.at
        yield reader.hidden("wrapped key", counted(len(reader.string())), start=start)
    elif choice == AGREED:
        start = reader.at
        parameters = reader.string()
        yield reader.leaf("key parameters", _SCHEMES.get(parameters, parameters.hex()), start=start)
        start = reader.at
        octets = reader.string()
        words = "ephemeral public key and its signature, " if octets else ""
        yield reader.leaf("key-ciphered-data", f"{words}{counted(len(octets))}", start=start)
    else:
        raise malformed(f"key-info of kind {choice}")
    reader.is_secret = outer


def _signed(reader: Reader, inside: Inside) -> Iterator[Node]:
    yield from _envelope(reader)
    start = reader.at
    count = reader.length()
    yield reader.leaf("length", counted(count), start=start)
    inner = reader.part(count)
    yield inner.around("content", counted(count), start=inner.at, inside=inside)
    start = reader.at
    signature = reader.string()
    yield reader.leaf("signature", f"{counted(len(signature))}, not checked", start=start)


def _content(reader: Reader, seal: _Seal, inside: Inside) -> Iterator[Node]:
    """SC IC body tag."""
    start = reader.at
    count = reader.length()
    yield reader.leaf("length", counted(count), start=start)
    begin = reader.at
    control = reader.peek()
    yield number_field(reader, "security control", 1, lambda octet: f"{octet:02X}: {control_words(octet)}")
    yield number_field(reader, "invocation counter", 4)
    tag_octets = TAG_OCTETS if control & AUTHENTICATED else 0
    body = count - _HEAD_OCTETS - tag_octets
    if body < 0:
        raise malformed("a ciphered content that is too short")
    if body + tag_octets > reader.left:
        raise malformed(f"{counted(count)} announced, {reader.end - begin} there")
    content = reader.raw[begin : begin + count]
    plain, words = (None, seal.reason) if seal.reason else _opened(content, reader.clues, seal)
    if control & ENCRYPTED:
        yield _ciphered(reader, body, plain=plain, words=words, inside=inside)
    else:
        inner = reader.part(body)
        yield inner.around("content", words, start=inner.at, inside=inside)
    if tag_octets:
        start = reader.at
        yield reader.leaf("authentication tag", reader.take(tag_octets).hex(), start=start)


def _ciphered(reader: Reader, octets: int, *, plain: bytes | None, words: str, inside: Inside) -> Node:
    start = reader.at
    body = reader.take(octets)
    children: tuple[Node, ...] = ()
    if plain is not None:
        inner = Reader(plain, reader.clues, is_secret=reader.is_secret, depth=reader.depth)
        children = inner.around("", "", start=0, inside=inside).children
    return Node("ciphered", f"{counted(octets)}, {words}", start, reader.at, body, children)


def _opened(content: bytes, clues: Clues, seal: _Seal) -> tuple[bytes | None, str]:
    """What was deciphered, None where it was not; and how it went."""
    if not clues.has_keys:
        return None, "no key given" if content[0] & ENCRYPTED else "its tag was not checked: no key given"
    for title in seal.titles:
        try:
            return clues.cipher(content[0]).open(content, title, seal.extra), f"the key fits, sent by {title}"
        except RemoteProtocolError as wrong:
            if wrong.code is not ErrorCode.WRONG_TAG:
                return None, f"not deciphered: {wrong.detail}"
    if not seal.titles:
        return None, "not deciphered: the system title of its sender is not known"
    return None, "the key does not fit, or the system title, or it was changed on its way"
