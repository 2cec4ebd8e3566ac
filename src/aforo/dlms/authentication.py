"""How each end proves who it is (IEC 62056-5-3, authentication mechanisms 2.16.756.5.8.2.n).

Passes 1 and 2 are the challenges in AARQ and AARE, 3 and 4 the proofs in reply_to_HLS_authentication. Proofs are over:
2 challenge, under AES-128 with the secret (no standard says it; so do the meters we know of)
3, 4 MD5 and SHA-1 of challenge || secret
5 GMAC of the challenge
6 SHA-256 of secret || title of who proves || title of who checks || challenge of who checks || challenge of who proves
7 ECDSA over title of who proves || title of who checks || challenge of who checks || challenge of who proves
"""

import hashlib
import hmac
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from msgspec import Struct

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.keys import SystemTitle
from aforo.dlms.settings import Mechanism, Settings

if TYPE_CHECKING:
    from aforo.dlms.protection import Protection

_BLOCK = 16
_HASHES = {Mechanism.HLS_MD5: hashlib.md5, Mechanism.HLS_SHA1: hashlib.sha1}


class Challenges(Struct, frozen=True):
    """own: ours, which the peer proves by.   peer: the peer's, which we prove by."""

    own: bytes
    peer: bytes
    peer_title: SystemTitle | None


class Authentication:
    """One association's passes 3 and 4, at either end. protection: needed by GMAC."""

    def __init__(self, settings: Settings, protection: "Protection | None") -> None:
        self._settings = settings
        self._protection = protection
        self.needs_proof = settings.mechanism >= Mechanism.HLS_MANUFACTURER

    def prove(self, challenges: Challenges) -> bytes:
        """Raises LocalProtocolError; CountersExhausted of GMAC."""
        if self._settings.mechanism is Mechanism.HLS_GMAC:
            assert self._protection is not None, "Settings asks for keys"
            return self._protection.proof(challenges.peer)
        if self._settings.mechanism is Mechanism.HLS_ECDSA:
            signing = self._settings.signing
            assert signing is not None, "Settings asks for it"
            return signing.own.sign(self._named(self._settings.title, challenges.peer_title, challenges))
        return self._digest(self._settings.title, challenges.peer_title, challenges.peer, challenges.own)

    def check(self, proof: bytes, challenges: Challenges) -> None:
        """Raises RemoteProtocolError (AUTHENTICATION_FAILED)."""
        if self._settings.mechanism is Mechanism.HLS_GMAC:
            assert self._protection is not None, "Settings asks for keys"
            self._protection.check_proof(proof, challenges.own)
        elif self._settings.mechanism is Mechanism.HLS_ECDSA:
            signing = self._settings.signing
            assert signing is not None, "Settings asks for it"
            turned = Challenges(challenges.peer, challenges.own, challenges.peer_title)
            signing.peer.check(proof, self._named(challenges.peer_title, self._settings.title, turned))
        else:
            expected = self._digest(challenges.peer_title, self._settings.title, challenges.own, challenges.peer)
            if not hmac.compare_digest(expected, proof):
                detail = "the peer's proof is not made with our secret"
                raise RemoteProtocolError(ErrorCode.AUTHENTICATION_FAILED, detail)

    def _digest(self, prover: SystemTitle | None, checker: SystemTitle | None, to: bytes, of: bytes) -> bytes:
        """to: the challenge that is answered.   of: the one of who proves."""
        assert self._settings.password is not None, "Settings asks for it"
        secret = self._settings.password.octets
        mechanism = self._settings.mechanism
        if mechanism is Mechanism.HLS_SHA256:
            return hashlib.sha256(secret + _octets(prover) + _octets(checker) + to + of).digest()
        if mechanism is Mechanism.HLS_MANUFACTURER:
            return _aes(secret, to)
        return _HASHES[mechanism](to + secret).digest()

    def _named(self, prover: SystemTitle | None, checker: SystemTitle | None, challenges: Challenges) -> bytes:
        return _octets(prover) + _octets(checker) + challenges.peer + challenges.own


def _octets(title: SystemTitle | None) -> bytes:
    if title is None:
        raise RemoteProtocolError(ErrorCode.AUTHENTICATION_FAILED, "the peer does not tell its system title")
    return title.octets


def _aes(secret: bytes, challenge: bytes) -> bytes:
    """Both padded with zeros to whole blocks."""
    if len(secret) > _BLOCK:
        raise LocalProtocolError(f"a secret of mechanism 2 has at most {_BLOCK} octets")
    padded = challenge + bytes(-len(challenge) % _BLOCK)
    encryptor = Cipher(algorithms.AES(secret.ljust(_BLOCK, b"\0")), modes.ECB()).encryptor()  # noqa: S305 (as meters do)
    return encryptor.update(padded) + encryptor.finalize()
