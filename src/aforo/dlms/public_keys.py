"""Elliptic-curve keys of suites 1 and 2: signatures (ECDSA, RFC 6979) and agreed secrets (ECC CDH).

Everything is a function of its arguments: signatures are deterministic, and ephemeral private keys are given.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.keys import Secret
from aforo.dlms.suites import Suite, curve_of, suite_of

_UNCOMPRESSED = b"\x04"


class PublicKey:
    """A point of the suite's curve, as x || y."""

    __slots__ = ("_key", "octets", "suite")

    def __init__(self, octets: bytes, suite: int) -> None:
        """Raises LocalProtocolError when it is no point of the curve."""
        self.suite = suite_of(suite)
        curve, _ = curve_of(self.suite)
        if len(octets) != 2 * self.suite.coordinate_octets:
            raise LocalProtocolError(f"a public key of suite {suite} has {2 * self.suite.coordinate_octets} octets")
        try:
            self._key = ec.EllipticCurvePublicKey.from_encoded_point(curve, _UNCOMPRESSED + octets)
        except ValueError as wrong:
            raise LocalProtocolError(f"no point of the curve of suite {suite}") from wrong
        self.octets = octets

    @classmethod
    def received(cls, octets: bytes, suite: int) -> "PublicKey":
        """Raises RemoteProtocolError (MALFORMED)."""
        try:
            return cls(octets, suite)
        except LocalProtocolError as wrong:
            raise RemoteProtocolError(ErrorCode.MALFORMED, str(wrong)) from wrong

    def check(self, signature: bytes, signed: bytes) -> None:
        """Raises RemoteProtocolError (AUTHENTICATION_FAILED)."""
        half = self.suite.coordinate_octets
        _, digest = curve_of(self.suite)
        r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        is_whole = len(signature) == 2 * half
        try:
            self._key.verify(encode_dss_signature(r, s) if is_whole else b"", signed, ec.ECDSA(digest))
        except (InvalidSignature, ValueError) as wrong:
            detail = "the signature is not made with the peer's key"
            raise RemoteProtocolError(ErrorCode.AUTHENTICATION_FAILED, detail) from wrong

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and (self.suite.number, self.octets) == (other.suite.number, other.octets)

    def __hash__(self) -> int:
        return hash((self.suite.number, self.octets))

    def __repr__(self) -> str:
        return f"PublicKey({self.octets.hex()}, suite={self.suite.number})"


class PrivateKey:
    """A number of the suite's curve; hidden in every repr."""

    __slots__ = ("_key", "_secret", "public", "suite")

    def __init__(self, octets: bytes, suite: int) -> None:
        """Raises LocalProtocolError."""
        self.suite = suite_of(suite)
        curve, _ = curve_of(self.suite)
        if len(octets) != self.suite.coordinate_octets:
            raise LocalProtocolError(f"a private key of suite {suite} has {self.suite.coordinate_octets} octets")
        self._secret = Secret(octets)
        try:
            self._key = ec.derive_private_key(int.from_bytes(octets, "big"), curve)
        except ValueError:
            raise LocalProtocolError(f"no private key of suite {suite}") from None
        numbers, half = self._key.public_key().public_numbers(), self.suite.coordinate_octets
        self.public = PublicKey(numbers.x.to_bytes(half, "big") + numbers.y.to_bytes(half, "big"), suite)

    def sign(self, octets: bytes) -> bytes:
        """r || s, the same at every repetition (RFC 6979)."""
        _, digest = curve_of(self.suite)
        r, s = decode_dss_signature(self._key.sign(octets, ec.ECDSA(digest, deterministic_signing=True)))
        half = self.suite.coordinate_octets
        return r.to_bytes(half, "big") + s.to_bytes(half, "big")

    def shared_secret(self, peer: PublicKey) -> bytes:
        """Z: the x of the common point. Raises LocalProtocolError: keys of two suites."""
        if peer.suite is not self.suite:
            raise LocalProtocolError("keys of two suites agree on nothing")
        return self._key.exchange(ec.ECDH(), peer._key)  # noqa: SLF001 (one pair of classes)

    def __repr__(self) -> str:
        return f"PrivateKey(hidden, suite={self.suite.number})"

    def __reduce__(self) -> "str | tuple[object, ...]":
        raise LocalProtocolError("a secret is never pickled")


def derived_key(secret: bytes, suite: Suite, *, party_u: bytes, party_v: bytes) -> bytes:
    """NIST SP 800-56A concatenation: one block is enough for every suite. parties: what each is known by, U first.

    Checked against the Green Book's example of general-ciphering under an agreed key: U and V are the system titles.
    """
    _, digest = curve_of(suite)
    return ConcatKDFHash(digest, suite.key_octets, suite.algorithm + party_u + party_v).derive(secret)
