"""general-ciphering and general-signing (IEC 62056-5-3): protection that names its own keys and parties.

DD transaction originator recipient date-time other key-info content      each but key-info: length, octets
DF transaction originator recipient date-time other content signature
key-info: 00, or 01 and: 00 00 key-id | 00 01 title: identified; 01 kek-id wrapped; 02 parameters data: agreed
"""

from dataclasses import dataclass, field

from aforo.dlms.axdr import put_octets, take_octets
from aforo.dlms.errors import malformed

GENERAL_CIPHERING, GENERAL_SIGNING = 0xDD, 0xDF
IDENTIFIED, WRAPPED, AGREED = 0, 1, 2
GLOBAL_UNICAST, GLOBAL_BROADCAST = 0, 1
MASTER = 0
ONE_PASS, STATIC = b"\x01", b"\x02"
"""Key agreement by C(1e, 1s) and by C(0e, 2s)."""

FIELD_OCTETS_MAX = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who protects what for whom. date_time: 12 octets, or empty."""

    transaction: bytes
    originator: bytes
    recipient: bytes
    date_time: bytes = b""
    other: bytes = b""

    def encoded(self) -> bytes:
        """As it stands in the APDU, and as it is authenticated."""
        fields = (self.transaction, self.originator, self.recipient, self.date_time, self.other)
        return b"".join(map(put_octets, fields))


@dataclass(frozen=True, slots=True)
class IdentifiedKey:
    """key_id: 0 global unicast, 1 global broadcast."""

    key_id: int = GLOBAL_UNICAST

    def encoded(self) -> bytes:
        return bytes((IDENTIFIED, self.key_id))


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """kek_id: 0 the master key.   wrapped: RFC 3394."""

    wrapped: bytes = field(repr=False)
    kek_id: int = MASTER

    def encoded(self) -> bytes:
        return bytes((WRAPPED, self.kek_id)) + put_octets(self.wrapped)


@dataclass(frozen=True, slots=True)
class AgreedKey:
    """parameters: which scheme.   octets: of C(1e, 1s) the ephemeral public key and its signature, else none."""

    parameters: bytes
    octets: bytes = b""

    def encoded(self) -> bytes:
        return bytes((AGREED,)) + put_octets(self.parameters) + put_octets(self.octets)


KeyInfo = IdentifiedKey | WrappedKey | AgreedKey


def encode_ciphering(envelope: Envelope, key: KeyInfo | None, content: bytes) -> bytes:
    info = b"\x00" if key is None else b"\x01" + key.encoded()
    return bytes((GENERAL_CIPHERING,)) + envelope.encoded() + info + put_octets(content)


def decode_ciphering(raw: bytes) -> tuple[Envelope, KeyInfo | None, bytes]:
    """Raises RemoteProtocolError (MALFORMED)."""
    envelope, at = _take_envelope(raw, 1)
    present, at = _octet(raw, at)
    if present > 1:
        raise malformed("key-info is neither absent nor present")
    key, at = _take_key(raw, at) if present else (None, at)
    content, at = take_octets(raw, at)
    _whole(raw, at)
    return envelope, key, content


def encode_signing(envelope: Envelope, content: bytes, signature: bytes) -> bytes:
    return bytes((GENERAL_SIGNING,)) + signed_octets(envelope, content) + put_octets(signature)


def decode_signing(raw: bytes) -> tuple[Envelope, bytes, bytes]:
    """Envelope, content, signature. Raises RemoteProtocolError (MALFORMED)."""
    envelope, at = _take_envelope(raw, 1)
    content, at = take_octets(raw, at)
    signature, at = take_octets(raw, at)
    _whole(raw, at)
    return envelope, content, signature


def signed_octets(envelope: Envelope, content: bytes) -> bytes:
    return envelope.encoded() + put_octets(content)


def _take_envelope(raw: bytes, at: int) -> tuple[Envelope, int]:
    fields = []
    for _ in range(5):
        octets, at = take_octets(raw, at)
        if len(octets) > FIELD_OCTETS_MAX:
            raise malformed(f"a field of {len(octets)} octets")
        fields.append(octets)
    transaction, originator, recipient, date_time, other = fields
    envelope = Envelope(
        transaction=transaction, originator=originator, recipient=recipient, date_time=date_time, other=other
    )
    return envelope, at


def _take_key(raw: bytes, at: int) -> tuple[KeyInfo, int]:
    choice, at = _octet(raw, at)
    if choice == IDENTIFIED:
        key_id, at = _octet(raw, at)
        return IdentifiedKey(key_id), at
    if choice == WRAPPED:
        kek_id, at = _octet(raw, at)
        wrapped, at = take_octets(raw, at)
        return WrappedKey(wrapped, kek_id), at
    if choice == AGREED:
        parameters, at = take_octets(raw, at)
        octets, at = take_octets(raw, at)
        return AgreedKey(parameters, octets), at
    raise malformed(f"key-info of kind {choice}")


def _octet(raw: bytes, at: int) -> tuple[int, int]:
    if at >= len(raw):
        raise malformed("the APDU ends too early")
    return raw[at], at + 1


def _whole(raw: bytes, at: int) -> None:
    if at != len(raw):
        raise malformed(f"{len(raw) - at} octets too many")
