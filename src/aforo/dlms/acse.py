"""Association control (IEC 62056-5-3, ACSE in BER): AARQ, AARE, RLRQ, RLRE as values and bytes.

AARQ 60 { A1 application-context-name, A6 calling-AP-title, 8A sender-acse-requirements, 8B mechanism-name,
          AC calling-authentication-value, BE user-information }
AARE 61 { A1, A2 result, A3 result-source-diagnostic, A4 responding-AP-title, 88, 89, AA, BE }
RLRQ 62 { 80 reason, BE }      RLRE 63 { 80 reason, BE }
"""

from msgspec import Struct

from aforo.dlms.axdr import put_length, take_length
from aforo.dlms.errors import malformed

AARQ, AARE, RLRQ, RLRE = 0x60, 0x61, 0x62, 0x63
_CONTEXT, _CALLING_TITLE, _RESPONDING_TITLE, _USER_INFORMATION = 0xA1, 0xA6, 0xA4, 0xBE
_AARQ_MECHANISM, _AARE_MECHANISM = 0x8B, 0x89
_AARQ_AUTHENTICATION, _AARE_AUTHENTICATION = 0xAC, 0xAA
_AARQ_REQUIREMENTS, _AARE_REQUIREMENTS = 0x8A, 0x88
_RESULT, _DIAGNOSTIC = 0xA2, 0xA3
_OID_CONTEXT = bytes.fromhex("608574050801")
_OID_MECHANISM = bytes.fromhex("608574050802")
_WITH_AUTHENTICATION = bytes.fromhex("0780")
_SHORT_MAX = 0x7F
"""Longest content whose length is one octet."""

_FROM_USER = bytes.fromhex("a1030201")
_CONTEXT_HEAD = bytes((_CONTEXT, 9, 0x06, 7)) + _OID_CONTEXT
_AARQ_MECHANISM_HEAD, _AARE_MECHANISM_HEAD = (
    bytes((requirements, 2)) + _WITH_AUTHENTICATION + bytes((mechanism, 7)) + _OID_MECHANISM
    for requirements, mechanism in (
        (_AARQ_REQUIREMENTS, _AARQ_MECHANISM),
        (_AARE_REQUIREMENTS, _AARE_MECHANISM),
    )
)

ACCEPTED, REJECTED_PERMANENT, REJECTED_TRANSIENT = 0, 1, 2
NO_REASON, CONTEXT_NOT_SUPPORTED, TITLE_NOT_RECOGNISED = 1, 2, 3
MECHANISM_NOT_RECOGNISED, MECHANISM_REQUIRED, AUTHENTICATION_FAILURE, AUTHENTICATION_REQUIRED = 11, 12, 13, 14


class AssociationRequest(Struct, frozen=True, kw_only=True):
    """context: last arc of the name: 1 logical names, 3 logical names with ciphering.   mechanism: 0 is none.

    authentication: password or challenge.   information: the InitiateRequest, ciphered or not.
    """

    context: int
    title: bytes = b""
    mechanism: int = 0
    authentication: bytes = b""
    information: bytes = b""


class AssociationAnswer(Struct, frozen=True, kw_only=True):
    """result: 0 accepted, 1 rejected permanently, 2 transiently.   diagnostic: of the ACSE service user."""

    context: int
    result: int = ACCEPTED
    diagnostic: int = 0
    title: bytes = b""
    mechanism: int = 0
    authentication: bytes = b""
    information: bytes = b""


def encode_request(request: AssociationRequest) -> bytes:
    body = _CONTEXT_HEAD + bytes((request.context,))
    if request.title:
        body += _nested(_CALLING_TITLE, 0x04, request.title)
    if request.mechanism:
        body += _AARQ_MECHANISM_HEAD + bytes((request.mechanism,))
        body += _nested(_AARQ_AUTHENTICATION, 0x80, request.authentication)
    return _element(AARQ, body + _nested(_USER_INFORMATION, 0x04, request.information))


def decode_request(apdu: bytes) -> AssociationRequest:
    """Raises RemoteProtocolError (MALFORMED)."""
    fields = _fields(apdu, AARQ)
    return AssociationRequest(
        context=_context(fields),
        title=_inner(fields.get(_CALLING_TITLE), 0x04),
        mechanism=_arc(fields.get(_AARQ_MECHANISM, b""), _OID_MECHANISM) if _AARQ_MECHANISM in fields else 0,
        authentication=_inner(fields.get(_AARQ_AUTHENTICATION), 0x80),
        information=_inner(fields.get(_USER_INFORMATION), 0x04),
    )


def encode_answer(answer: AssociationAnswer) -> bytes:
    body = _CONTEXT_HEAD + bytes((answer.context,))
    body += _element(_RESULT, _integer(answer.result))
    body += _element(_DIAGNOSTIC, _element(0xA1, _integer(answer.diagnostic)))
    if answer.title:
        body += _nested(_RESPONDING_TITLE, 0x04, answer.title)
    if answer.mechanism:
        body += _AARE_MECHANISM_HEAD + bytes((answer.mechanism,))
        body += _nested(_AARE_AUTHENTICATION, 0x80, answer.authentication)
    if answer.information:
        body += _nested(_USER_INFORMATION, 0x04, answer.information)
    return _element(AARE, body)


def decode_answer(apdu: bytes) -> AssociationAnswer:
    """Raises RemoteProtocolError (MALFORMED)."""
    fields = _fields(apdu, AARE)
    return AssociationAnswer(
        context=_context(fields),
        result=_small(_inner(fields.get(_RESULT), 0x02)),
        diagnostic=_diagnostic(fields.get(_DIAGNOSTIC)),
        title=_inner(fields.get(_RESPONDING_TITLE), 0x04),
        mechanism=_arc(fields.get(_AARE_MECHANISM, b""), _OID_MECHANISM) if _AARE_MECHANISM in fields else 0,
        authentication=_inner(fields.get(_AARE_AUTHENTICATION), 0x80),
        information=_inner(fields.get(_USER_INFORMATION), 0x04),
    )


def encode_release(tag: int, information: bytes = b"") -> bytes:
    """tag: RLRQ or RLRE; reason normal(0)."""
    body = _element(0x80, b"\x00")
    if information:
        body += _nested(_USER_INFORMATION, 0x04, information)
    return _element(tag, body)


def decode_release(apdu: bytes, tag: int) -> bytes:
    """Its user-information, empty without one. Raises RemoteProtocolError (MALFORMED)."""
    return _inner(_fields(apdu, tag).get(_USER_INFORMATION), 0x04)


def _element(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + put_length(len(content)) + content


def _nested(tag: int, inner: int, content: bytes) -> bytes:
    """An element with one element inside, and nothing else."""
    octets = len(content)
    if octets + 2 <= _SHORT_MAX:  # nearly every one
        return bytes((tag, octets + 2, inner, octets)) + content
    return _element(tag, _element(inner, content))


def _integer(value: int) -> bytes:
    return bytes((0x02, 0x01, value))


def _fields(apdu: bytes, tag: int) -> dict[int, bytes]:
    """Contents by tag. A tag given twice is malformed: nobody could say which one counts."""
    if not apdu or apdu[0] != tag:
        raise malformed(f"an APDU that does not begin with {tag:02X}")
    at, end = _length(apdu, 1)
    if end != len(apdu):
        raise malformed("octets after the APDU's end")
    fields: dict[int, bytes] = {}
    while at < end:
        name = apdu[at]
        begin = at + 2
        if begin <= end and apdu[at + 1] <= end - begin and apdu[at + 1] <= _SHORT_MAX:  # nearly every one
            at = begin + apdu[at + 1]
        else:
            begin, at = _length(apdu, at + 1)
        if name in fields:
            raise malformed(f"field {name:02X} twice")
        fields[name] = apdu[begin:at]
    return fields


def _length(raw: bytes, at: int) -> tuple[int, int]:
    """Where the content begins, and where it ends."""
    if at < len(raw) and raw[at] < 0x80:  # nearly every one
        count, at = raw[at], at + 1
    else:
        count, at = take_length(raw, at)
    end = at + count
    if end > len(raw):
        raise malformed(f"{count} octets announced, {len(raw) - at} there")
    return at, end


def _inner(content: bytes | None, tag: int) -> bytes:
    """The one element inside; empty when the field is absent."""
    if content is None:
        return b""
    if len(content) >= 2 and content[0] == tag:
        if content[1] == len(content) - 2 <= _SHORT_MAX:  # nearly every one
            return content[2:]
        begin, end = _length(content, 1)
        if end == len(content):
            return content[begin:]
    raise malformed(f"an element {tag:02X} was expected")


def _arc(oid: bytes, prefix: bytes) -> int:
    if oid[:-1] != prefix:
        raise malformed(f"the name {oid.hex()} is none of DLMS UA's")
    return oid[-1]


def _context(fields: dict[int, bytes]) -> int:
    """Last arc of the application context's name."""
    return _arc(_inner(fields.get(_CONTEXT), 0x06), _OID_CONTEXT)


def _small(content: bytes) -> int:
    if len(content) != 1:
        raise malformed("a number of one octet was expected")
    return content[0]


def _diagnostic(content: bytes | None) -> int:
    """Of whichever source: ACSE service user [1] or provider [2]."""
    if content is not None and len(content) == len(_FROM_USER) + 1 and content.startswith(_FROM_USER):
        return content[-1]
    for tag in (0xA1, 0xA2):
        if content and content[0] == tag:
            return _small(_inner(_inner(content, tag), 0x02))
    raise malformed("no result-source-diagnostic")
