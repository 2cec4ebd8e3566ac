"""Octets of the independent meter: BER and A-XDR lengths, COSEM data, suite 0 security.

A second reading of the standard, written apart from the product and sharing nothing with it, so that a
misreading in one of the two shows as a disagreement. Sources: IEC 62056-5-3 (layouts, ciphering) as in the
public COSEMpdu module; vectors in ``tests/unit/test_independent_meter.py``.
"""

from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

TAG_OCTETS = 12
AUTHENTICATED_ENCRYPTION = 0x30
AUTHENTICATION_ONLY = 0x10


class Malformed(Exception):
    """The peer's octets are not what the standard prescribes."""


class WrongKey(Exception):
    """The authentication tag does not match: another key, another title, or a forged message."""


class Cursor:
    """Takes a message apart from the front; whatever is missing, extra or non-minimal is ``Malformed``."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def take(self, count: int) -> bytes:
        if count > len(self._raw) - self._at:
            raise Malformed(f"{count} octets wanted, {len(self._raw) - self._at} left")
        self._at += count
        return self._raw[self._at - count : self._at]

    def number(self, octets: int = 1) -> int:
        return int.from_bytes(self.take(octets), "big")

    def expect(self, wanted: bytes, what: str) -> None:
        seen = self.take(len(wanted))
        if seen != wanted:
            raise Malformed(f"{what}: {wanted.hex()} wanted, {seen.hex()} seen")

    def length(self) -> int:
        first = self.number()
        if first < 0x80:
            return first
        if first not in {0x81, 0x82}:
            raise Malformed(f"length form {first:02x} is not used in DLMS")
        value = self.number(first - 0x80)
        if value < (0x80 if first == 0x81 else 0x100):
            raise Malformed(f"length {value} in a longer form than needed")
        return value

    def sized(self) -> bytes:
        return self.take(self.length())

    def flag(self) -> bool:
        octet = self.number()
        if octet > 1:
            raise Malformed(f"a presence flag is 00 or 01, not {octet:02x}")
        return octet == 1

    def rest(self) -> bytes:
        return self.take(len(self._raw) - self._at)

    @property
    def empty(self) -> bool:
        return self._at == len(self._raw)

    def end(self, what: str) -> None:
        if not self.empty:
            raise Malformed(f"{what}: {len(self._raw) - self._at} octets too many")


def length(count: int) -> bytes:
    """A length in the shortest form."""
    if count < 0x80:
        return bytes([count])
    return bytes([0x81, count]) if count < 0x100 else b"\x82" + count.to_bytes(2, "big")


def sized(body: bytes) -> bytes:
    return length(len(body)) + body


def ber(tag: int, *parts: bytes) -> bytes:
    return bytes([tag]) + sized(b"".join(parts))


_FIXED = {
    0: 0,
    3: 1,
    5: 4,
    6: 4,
    15: 1,
    16: 2,
    17: 1,
    18: 2,
    20: 8,
    21: 8,
    22: 1,
    23: 4,
    24: 8,
    25: 12,
    26: 5,
    27: 4,
}
_SIZED = {9, 10, 12}
_LISTS = {1, 2}


def one_data(cursor: Cursor, *, depth: int = 8) -> bytes:
    """The next Data with its tag, still encoded; nested at most ``depth`` levels."""
    tag = cursor.number()
    if tag in _FIXED:
        return bytes([tag]) + cursor.take(_FIXED[tag])
    if tag in _SIZED:
        return bytes([tag]) + sized(cursor.sized())
    if tag in _LISTS and depth > 0:
        count = cursor.length()
        return bytes([tag]) + length(count) + b"".join(one_data(cursor, depth=depth - 1) for _ in range(count))
    raise Malformed(f"no Data starts with {tag:02x} here")


def octets(raw: bytes) -> bytes:
    return b"\x09" + sized(raw)


def structure(*items: bytes) -> bytes:
    return bytes([2, len(items)]) + b"".join(items)


def obis_octets(name: str) -> bytes:
    """``0-0:17.0.0.255`` as six octets. There are no wildcards: 255 is a value like any other."""
    return bytes(int(part) for part in name.replace("-", ".").replace(":", ".").split("."))


def obis_name(raw: bytes) -> str:
    a, b, c, d, e, f = raw
    return f"{a}-{b}:{c}.{d}.{e}.{f}"


@dataclass(frozen=True, slots=True)
class Keys:
    """Global unicast encryption key and authentication key of suite 0, 16 octets each.

    The tag is checked by the library itself with a tag of 12 octets, not by encrypting again and comparing.
    """

    encryption: bytes = field(repr=False)
    authentication: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.encryption) != 16 or len(self.authentication) != 16:
            raise ValueError("suite 0 keys have 16 octets")

    def _gcm(self, title: bytes, counter: int, tag: bytes | None) -> Cipher[modes.GCM]:
        nonce = title + counter.to_bytes(4, "big")
        return Cipher(algorithms.AES(self.encryption), modes.GCM(nonce, tag, min_tag_length=TAG_OCTETS))

    def seal(self, title: bytes, counter: int, plain: bytes) -> bytes:
        """SC, invocation counter, ciphertext, tag: what every glo- and general-glo- APDU carries."""
        control = bytes([AUTHENTICATED_ENCRYPTION])
        encryptor = self._gcm(title, counter, None).encryptor()
        encryptor.authenticate_additional_data(control + self.authentication)
        hidden = encryptor.update(plain) + encryptor.finalize()
        return control + counter.to_bytes(4, "big") + hidden + encryptor.tag[:TAG_OCTETS]

    def open(self, title: bytes, content: bytes) -> tuple[int, bytes]:
        """Invocation counter and plaintext. Only authenticated encryption with the unicast key is taken."""
        cursor = Cursor(content)
        cursor.expect(bytes([AUTHENTICATED_ENCRYPTION]), "security control octet")
        counter = cursor.number(4)
        body = cursor.rest()
        if len(body) <= TAG_OCTETS:
            raise Malformed("a ciphered APDU is longer than its tag")
        decryptor = self._gcm(title, counter, body[-TAG_OCTETS:]).decryptor()
        decryptor.authenticate_additional_data(bytes([AUTHENTICATED_ENCRYPTION]) + self.authentication)
        try:
            return counter, decryptor.update(body[:-TAG_OCTETS]) + decryptor.finalize()
        except InvalidTag:
            raise WrongKey from None

    def proof(self, title: bytes, counter: int, challenge: bytes) -> bytes:
        """f(challenge) of HLS mechanism 5: SC, invocation counter, GMAC."""
        control = bytes([AUTHENTICATION_ONLY])
        encryptor = self._gcm(title, counter, None).encryptor()
        encryptor.authenticate_additional_data(control + self.authentication + challenge)
        encryptor.finalize()
        return control + counter.to_bytes(4, "big") + encryptor.tag[:TAG_OCTETS]
