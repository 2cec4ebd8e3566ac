"""Security suites (IEC 62056-5-3): one row each."""

from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from aforo.dlms.errors import LocalProtocolError


@dataclass(frozen=True, slots=True)
class Suite:
    """key_octets: of AES-GCM and AES key wrap.   curve, digest: of signatures and key agreement; None in suite 0.

    algorithm: AlgorithmID of a derived AES-GCM key.   coordinate_octets: of a point, and half a signature.
    """

    number: int
    key_octets: int
    curve: ec.EllipticCurve | None = None
    digest: hashes.HashAlgorithm | None = None
    algorithm: bytes = b""
    coordinate_octets: int = 0


SUITES = {
    0: Suite(0, 16),
    1: Suite(1, 16, ec.SECP256R1(), hashes.SHA256(), bytes.fromhex("60857405080300"), 32),
    2: Suite(2, 32, ec.SECP384R1(), hashes.SHA384(), bytes.fromhex("60857405080301"), 48),
}


def suite_of(number: int) -> Suite:
    """Raises LocalProtocolError."""
    suite = SUITES.get(number)
    if suite is None:
        raise LocalProtocolError(f"there is no security suite {number}")
    return suite


def curve_of(suite: Suite) -> tuple[ec.EllipticCurve, hashes.HashAlgorithm]:
    """Raises LocalProtocolError: suite 0 has no public keys."""
    if suite.curve is None or suite.digest is None:
        raise LocalProtocolError(f"security suite {suite.number} has no public keys")
    return suite.curve, suite.digest
