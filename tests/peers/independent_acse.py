"""Opening and closing an association in BER, as the independent meter reads and writes them."""

from dataclasses import dataclass

from peers.independent_bytes import Cursor, Malformed, ber

AARQ, RLRQ = 0x60, 0x62
GLO_INITIATE_REQUEST, GLO_INITIATE_RESPONSE = 0x21, 0x28
PLAIN_CONTEXT, CIPHERED_CONTEXT = 1, 3
HLS_GMAC = 5

# acse-service-user diagnostics
NULL = 0
NO_REASON = 1
CONTEXT_NOT_SUPPORTED = 2
CALLING_TITLE_NOT_RECOGNISED = 3
MECHANISM_NOT_RECOGNISED = 11
MECHANISM_REQUIRED = 12
AUTHENTICATION_FAILURE = 13
AUTHENTICATION_REQUIRED = 14

# conformance: bit 0 is the first of 24
GENERAL_PROTECTION = 1 << (23 - 1)
GET = 1 << (23 - 19)
SET = 1 << (23 - 20)
ACTION = 1 << (23 - 23)
PRIORITY = 1 << (23 - 9)

_CONTEXT = bytes.fromhex("608574050801")
_MECHANISM = bytes.fromhex("608574050802")
_AUTHENTICATION_UNIT = b"\x07\x80"
_IN_ORDER = (0x80, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0x8A, 0x8B, 0xAC, 0xBD, 0xBE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationRequest:
    """An AARQ. ``information`` is the xDLMS APDU inside user-information, ciphered or not."""

    context: int
    title: bytes | None
    mechanism: int
    challenge: bytes | None
    information: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An InitiateRequest: what the client offers, before anything is granted."""

    conformance: int
    max_pdu: int


def _elements(apdu: bytes, tag: int, order: tuple[int, ...]) -> dict[int, bytes]:
    outer = Cursor(apdu)
    outer.expect(bytes([tag]), "APDU tag")
    inner = Cursor(outer.sized())
    outer.end("after the APDU")
    found: dict[int, bytes] = {}
    allowed = list(order)
    while not inner.empty:
        element = inner.number()
        if element not in allowed:
            raise Malformed(f"element {element:02x} of {tag:02x} is unknown, repeated or out of order")
        del allowed[: allowed.index(element) + 1]
        found[element] = inner.sized()
    return found


def _only(raw: bytes, tag: int, what: str) -> bytes:
    """The contents of the one element ``tag`` that fills ``raw``."""
    cursor = Cursor(raw)
    cursor.expect(bytes([tag]), what)
    contents = cursor.sized()
    cursor.end(what)
    return contents


def _arc(oid: bytes, prefix: bytes, what: str) -> int:
    if len(oid) != 7 or oid[:6] != prefix:
        raise Malformed(f"{what} {oid.hex()} is not a DLMS object identifier")
    return oid[6]


def read_aarq(apdu: bytes) -> AssociationRequest:
    found = _elements(apdu, AARQ, _IN_ORDER)
    if found.get(0x80, b"\x07\x80") != b"\x07\x80":
        raise Malformed("protocol-version other than version 1")
    for wanted in (0xA1, 0xBE):
        if wanted not in found:
            raise Malformed(f"AARQ without element {wanted:02x}")
    if (0x8A in found) != (0x8B in found) or found.get(0x8A, _AUTHENTICATION_UNIT) != _AUTHENTICATION_UNIT:
        raise Malformed("sender-acse-requirements and mechanism-name do not go together")
    return AssociationRequest(
        context=_arc(_only(found[0xA1], 0x06, "application-context-name"), _CONTEXT, "context"),
        title=_only(found[0xA6], 0x04, "calling-AP-title") if 0xA6 in found else None,
        mechanism=_arc(found[0x8B], _MECHANISM, "mechanism") if 0x8B in found else 0,
        challenge=_only(found[0xAC], 0x80, "calling-authentication-value") if 0xAC in found else None,
        information=_only(found[0xBE], 0x04, "user-information"),
    )


def read_rlrq(apdu: bytes) -> bytes | None:
    """User-information of a release request; it and the reason are optional."""
    found = _elements(apdu, RLRQ, (0x80, 0xBE))
    if found.get(0x80, b"\x00") not in {b"\x00", b"\x01", b"\x1e"}:
        raise Malformed(f"release reason {found[0x80].hex()}")
    return _only(found[0xBE], 0x04, "user-information") if 0xBE in found else None


def read_initiate(plain: bytes) -> Proposal:
    """An InitiateRequest in clear. A dedicated key is refused: this meter has none."""
    cursor = Cursor(plain)
    cursor.expect(b"\x01", "InitiateRequest tag")
    if cursor.flag():
        raise Malformed("a dedicated key was offered")
    if cursor.flag() and not cursor.number():
        raise Malformed("response-allowed is false")
    if cursor.flag():
        cursor.number()
    cursor.expect(b"\x06", "DLMS version")
    cursor.expect(b"\x5f\x1f\x04\x00", "conformance tag")
    proposal = Proposal(conformance=cursor.number(3), max_pdu=cursor.number(2))
    cursor.end("after InitiateRequest")
    if 0 < proposal.max_pdu < 64:
        raise Malformed(f"client-max-receive-pdu-size {proposal.max_pdu}")
    return proposal


def initiate_response(conformance: int, max_pdu: int) -> bytes:
    return b"\x08\x00\x06\x5f\x1f\x04\x00" + conformance.to_bytes(3, "big") + max_pdu.to_bytes(2, "big") + b"\x00\x07"


def _verdict(context: int, result: int, diagnostic: int) -> bytes:
    return b"".join(
        (
            ber(0xA1, ber(0x06, _CONTEXT, bytes([context]))),
            ber(0xA2, ber(0x02, bytes([result]))),
            ber(0xA3, ber(0xA1, ber(0x02, bytes([diagnostic])))),
        )
    )


def accept_plain(information: bytes) -> bytes:
    return ber(0x61, _verdict(PLAIN_CONTEXT, 0, NULL), ber(0xBE, ber(0x04, information)))


def accept_gmac(title: bytes, challenge: bytes, information: bytes) -> bytes:
    """Accepted, and authentication goes on with the challenge."""
    return ber(
        0x61,
        _verdict(CIPHERED_CONTEXT, 0, AUTHENTICATION_REQUIRED),
        ber(0xA4, ber(0x04, title)),
        ber(0x88, _AUTHENTICATION_UNIT),
        ber(0x89, _MECHANISM, bytes([HLS_GMAC])),
        ber(0xAA, ber(0x80, challenge)),
        ber(0xBE, ber(0x04, information)),
    )


def reject(context: int, diagnostic: int) -> bytes:
    """Rejected for good."""
    return ber(0x61, _verdict(context, 1, diagnostic))


def released(information: bytes | None) -> bytes:
    return ber(0x63, b"\x80\x01\x00", ber(0xBE, ber(0x04, information)) if information else b"")
