"""Suite 0 (IEC 62056-5-3, clause 5): AES-GCM-128 with tags of 12 octets; the nonce is title and invocation counter.

A ciphered content is SC(1) IC(4) ciphertext tag(12). Additional data: SC and authentication key; for authentication
alone the plain text follows them.
"""

import hmac
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from aforo.dlms.errors import ErrorCode, RemoteProtocolError, malformed
from aforo.dlms.keys import Keys, SystemTitle

AUTHENTICATED, ENCRYPTED = 0x10, 0x20
PROTECTED = AUTHENTICATED | ENCRYPTED
_PROTECTED, _AUTHENTICATED = bytes((PROTECTED,)), bytes((AUTHENTICATED,))
TAG_OCTETS = 12
_HEAD_OCTETS = 5
_UNSPOKEN = 0xCF
"""Compression, the broadcast key, and every suite but 0."""


class Cipher:
    """One direction's sealing or opening with the keys of one association."""

    __slots__ = ("_authentication_key", "_encrypt", "_protected")

    def __init__(self, keys: Keys) -> None:
        self._encrypt: Callable[[bytes, bytes, bytes | None], bytes] = AESGCM(keys.encryption.octets).encrypt
        self._authentication_key = keys.authentication.octets
        self._protected = _PROTECTED + self._authentication_key

    def seal(self, plain: bytes, title: SystemTitle, counter: int) -> bytes:
        """Encrypted and authenticated."""
        tail = counter.to_bytes(4, "big")
        return _PROTECTED + tail + self._encrypt(title.octets + tail, plain, self._protected)[:-4]

    def open(self, content: bytes, title: SystemTitle) -> bytes:
        """The plain text, after the tag was compared. Raises RemoteProtocolError: MALFORMED, UNSUPPORTED, WRONG_TAG.

        AESGCM.decrypt takes 16-octet tags only. Encrypting again is its own inverse in counter mode, and gives the
        whole tag to compare with (1.2-1.8 us; the generic cipher interface takes 5-7 us).
        """
        if len(content) < _HEAD_OCTETS + TAG_OCTETS:
            raise malformed("a ciphered content that is too short")
        control, nonce = content[0], title.octets + content[1:_HEAD_OCTETS]
        if control & _UNSPOKEN:
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"security control {control:02X}")
        body, tag = content[_HEAD_OCTETS:-TAG_OCTETS], content[-TAG_OCTETS:]
        head = content[:1] + self._authentication_key
        if control == PROTECTED:
            plain = self._encrypt(nonce, body, None)[:-16]
            expected = self._encrypt(nonce, plain, head)[-16:-4]
        elif control == AUTHENTICATED:
            plain = body
            expected = self._encrypt(nonce, b"", head + body)[:TAG_OCTETS]
        else:
            raise RemoteProtocolError(ErrorCode.NOT_CIPHERED, f"security control {control:02X} protects too little")
        if not hmac.compare_digest(expected, tag):
            raise RemoteProtocolError(ErrorCode.WRONG_TAG, "the authentication tag does not fit")
        return plain

    def proof(self, challenge: bytes, title: SystemTitle, counter: int) -> bytes:
        """HLS 5: SC IC GMAC(SC, authentication key, challenge); it uses a counter of its own."""
        tail = counter.to_bytes(4, "big")
        head = _AUTHENTICATED + self._authentication_key
        tag = self._encrypt(title.octets + tail, b"", head + challenge)[:TAG_OCTETS]
        return _AUTHENTICATED + tail + tag

    def check_proof(self, proof: bytes, challenge: bytes, title: SystemTitle) -> None:
        """Raises RemoteProtocolError (AUTHENTICATION_FAILED)."""
        if len(proof) == _HEAD_OCTETS + TAG_OCTETS and proof[0] == AUTHENTICATED:
            counter = int.from_bytes(proof[1:_HEAD_OCTETS], "big")
            if hmac.compare_digest(self.proof(challenge, title, counter), proof):
                return
        raise RemoteProtocolError(ErrorCode.AUTHENTICATION_FAILED, "the peer's proof is not made with our key")


def counter_of(content: bytes) -> int:
    """The invocation counter of a ciphered content that was opened."""
    return int.from_bytes(content[1:_HEAD_OCTETS], "big")
