"""xDLMS initiate service: what the two ends can do (IEC 62056-5-3).

InitiateRequest   01 [dedicated-key] [response-allowed] [qos] 06 5F1F0400 conformance(3) max-pdu(2)
InitiateResponse  08 [qos] 06 5F1F0400 conformance(3) max-pdu(2) 0007
confirmed-service-error 0E service error-group error
"""

from functools import lru_cache

from msgspec import Struct

from aforo.dlms.axdr import put_octets, take_octets
from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, malformed
from aforo.dlms.events import Conformance, ServiceError
from aforo.dlms.xdlms.octets import take_octet
from aforo.dlms.xdlms.tags import CONFIRMED_SERVICE_ERROR, INITIATE_REQUEST, INITIATE_RESPONSE

VERSION = 6
MAX_PDU_LEAST = 12
"""A shorter APDU could not even carry an InitiateResponse."""

OTHER, VERSION_TOO_LOW, INCOMPATIBLE_CONFORMANCE, PDU_SIZE_TOO_SHORT = 0, 1, 2, 3
_INITIATE_ERROR = bytes((CONFIRMED_SERVICE_ERROR, 1, 6))
_INITIATE_ERRORS = {
    OTHER: "other", VERSION_TOO_LOW: "dlms-version-too-low", INCOMPATIBLE_CONFORMANCE: "incompatible-conformance",
    PDU_SIZE_TOO_SHORT: "pdu-size-too-short", 4: "refused-by-the-VDE-handler",
}  # fmt: skip
_CONFORMANCE = bytes.fromhex("5f1f0400")
_VAA_NAME = bytes.fromhex("0007")


class Initiate(Struct, frozen=True):
    """max_pdu: what its sender accepts, 0 means no bound.   version: of DLMS."""

    conformance: Conformance
    max_pdu: int
    dedicated_key: bytes = b""
    version: int = VERSION

    def __repr__(self) -> str:
        return f"Initiate({self.conformance!r}, {self.max_pdu}, version={self.version})"


def encode_initiate_request(initiate: Initiate) -> bytes:
    key = b"\x01" + put_octets(initiate.dedicated_key) if initiate.dedicated_key else b"\x00"
    return bytes((INITIATE_REQUEST,)) + key + b"\x00\x00" + bytes((VERSION,)) + _capabilities(initiate)


def decode_initiate_request(raw: bytes) -> Initiate:
    """Raises RemoteProtocolError (MALFORMED)."""
    if raw[:1] != bytes((INITIATE_REQUEST,)):
        raise malformed("an InitiateRequest was expected")
    present, at = take_octet(raw, 1)
    key = b""
    if present:
        key, at = take_octets(raw, at)
    for _ in range(2):  # response-allowed and proposed-quality-of-service: OPTIONAL, one octet each
        present, at = take_octet(raw, at)
        at += 1 if present else 0
    return _read_capabilities(raw, at, tail=b"", key=key)


def encode_initiate_response(initiate: Initiate) -> bytes:
    return bytes((INITIATE_RESPONSE, 0, VERSION)) + _capabilities(initiate) + _VAA_NAME


def decode_initiate_response(raw: bytes) -> Initiate:
    """Raises RemoteProtocolError (MALFORMED, UNSUPPORTED)."""
    if raw[:1] != bytes((INITIATE_RESPONSE,)):
        raise malformed("an InitiateResponse was expected")
    present, at = take_octet(raw, 1)
    initiate = _read_capabilities(raw, at + (1 if present else 0), tail=_VAA_NAME, key=b"")
    if initiate.version != VERSION:
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"DLMS version {initiate.version}")
    return initiate


def encode_initiate_error(error: int) -> bytes:
    """The confirmed-service-error that stands in an AARE in place of an InitiateResponse."""
    return _INITIATE_ERROR + bytes((error,))


def initiate_error(raw: bytes) -> str | None:
    """Its words; None when raw is no confirmed-service-error."""
    if raw[:1] != _INITIATE_ERROR[:1]:
        return None
    known = len(raw) == 4 and raw.startswith(_INITIATE_ERROR)
    return _INITIATE_ERRORS.get(raw[3], raw.hex()) if known else raw.hex()


def encode_service_error(error: ServiceError) -> bytes:
    return bytes((CONFIRMED_SERVICE_ERROR, error.service, error.group, error.error))


def decode_service_error(raw: bytes) -> ServiceError:
    """Raises RemoteProtocolError (MALFORMED)."""
    if len(raw) != 4 or raw[0] != CONFIRMED_SERVICE_ERROR:
        raise malformed("a confirmed-service-error has 4 octets")
    return ServiceError(raw[1], raw[2], raw[3])


def _capabilities(initiate: Initiate) -> bytes:
    if not 0 <= initiate.max_pdu <= 0xFFFF:
        raise LocalProtocolError(f"the longest APDU is told in 16 bits, not {initiate.max_pdu}")
    return _CONFORMANCE + int(initiate.conformance).to_bytes(3, "big") + initiate.max_pdu.to_bytes(2, "big")


@lru_cache(maxsize=64)
def _conformance(block: bytes) -> Conformance:
    """Few blocks are seen, again and again; making a set of flags costs more than all else in an InitiateResponse."""
    return Conformance(int.from_bytes(block, "big"))


def _read_capabilities(raw: bytes, at: int, *, tail: bytes, key: bytes) -> Initiate:
    version, at = take_octet(raw, at)
    if raw[at : at + 4] != _CONFORMANCE or len(raw) != at + 9 + len(tail):
        raise malformed("a conformance block was expected")
    conformance = _conformance(raw[at + 4 : at + 7])
    return Initiate(conformance, int.from_bytes(raw[at + 7 : at + 9], "big"), key, version)
