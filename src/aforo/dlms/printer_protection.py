"""Protected APDUs in words: glo-, ded-, general-glo- and their kin, opened where a key that is known fits."""

from collections.abc import Iterator

from aforo.dlms.errors import ErrorCode, RemoteProtocolError, malformed
from aforo.dlms.keys import SystemTitle
from aforo.dlms.printer_data import date_time_words, text_words
from aforo.dlms.printer_fields import number_field
from aforo.dlms.printer_tree import Inside, Node, Reader, counted
from aforo.dlms.printer_words import control_words
from aforo.dlms.security import AUTHENTICATED, ENCRYPTED, TAG_OCTETS

_GENERAL_GLO, _GENERAL_DED, _GENERAL_CIPHERING = 0xDB, 0xDC, 0xDD
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
    _GENERAL_CIPHERING: "general-ciphering", 0xDF: "general-signing",
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
    return f"{title.hex().upper()} ({letters})" if letters and len(title) == 8 else title.hex().upper() or "none"


def _parts(reader: Reader, tag: int, inside: Inside) -> Iterator[Node]:
    titles = reader.clues.titles
    if tag in (_GENERAL_GLO, _GENERAL_DED):
        start = reader.at
        title = reader.string()
        yield reader.leaf("system title", title_words(title), start=start)
        if len(title) == 8:
            titles = (SystemTitle(title),)
    elif tag == _GENERAL_CIPHERING:
        yield from _general_head(reader)
    elif tag not in _GLOBAL and tag not in _DEDICATED:
        reader.peek()
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, "signed APDUs are not spelled out")
    reason = ""
    if tag == _GENERAL_CIPHERING:
        reason = "not deciphered: general-ciphering is not spoken"
    elif tag == _GENERAL_DED or tag in _DEDICATED:
        reason = "not deciphered: under the dedicated key of the association"
    yield from _content(reader, titles, reason, inside)


def _general_head(reader: Reader) -> Iterator[Node]:
    for label in ("transaction-id", "originator-system-title", "recipient-system-title"):
        start = reader.at
        yield reader.leaf(label, title_words(reader.string()), start=start)
    start = reader.at
    moment = reader.string()
    yield reader.leaf("date-time", (date_time_words(moment) if len(moment) == 12 else None) or "none", start=start)
    start = reader.at
    yield reader.leaf("other-information", reader.string().hex() or "none", start=start)
    start = reader.at
    if reader.octet():
        reader.is_secret = True
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, "key information is not spelled out")
    yield reader.leaf("key-info", "none", start=start)


def _content(reader: Reader, titles: tuple[SystemTitle, ...], reason: str, inside: Inside) -> Iterator[Node]:
    """SC IC body tag. reason: why it is not deciphered, whatever is known; empty where it may be."""
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
    plain, words = (None, reason) if reason else _opened(content, reader, titles)
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


def _opened(content: bytes, reader: Reader, titles: tuple[SystemTitle, ...]) -> tuple[bytes | None, str]:
    """What was deciphered, None where it was not; and how it went."""
    cipher = reader.clues.cipher
    if cipher is None:
        return None, "no key given" if content[0] & ENCRYPTED else "its tag was not checked: no key given"
    for title in titles:
        try:
            return cipher.open(content, title), f"the key fits, sent by {title}"
        except RemoteProtocolError as wrong:
            if wrong.code is not ErrorCode.WRONG_TAG:
                return None, f"not deciphered: {wrong.detail}"
    if not titles:
        return None, "not deciphered: the system title of its sender is not known"
    return None, "the key does not fit, or the system title, or it was changed on its way"
