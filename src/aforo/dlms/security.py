"""AES-GCM of every suite (IEC 62056-5-3, clause 5): tags of 12 octets; the nonce is title and invocation counter.

A ciphered content is SC(1) IC(4) ciphertext tag(12). Additional data: SC and authentication key; for authentication
alone the plain text follows them. general-ciphering puts its own fields behind the key.
"""

from collections.abc import Callable
from hmac import compare_digest

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from aforo.dlms.errors import ErrorCode, RemoteProtocolError, malformed
from aforo.dlms.keys import Key, Keys, SystemTitle

AUTHENTICATED, ENCRYPTED = 0x10, 0x20
PROTECTED = AUTHENTICATED | ENCRYPTED
BROADCAST, COMPRESSED = 0x40, 0x80
TAG_OCTETS = 12
_HEAD_OCTETS = 5
CONTENT_OCTETS_LEAST = _HEAD_OCTETS + TAG_OCTETS
_KINDS = AUTHENTICATED | ENCRYPTED


class Cipher:
    """One direction's sealing or opening with one key of a suite.

    key: instead of the global unicast key.   is_broadcast: it is the broadcast key, which the peer is told.
    """

    __slots__ = ("_additional", "_authenticated", "_authentication_key", "_control", "_encrypt", "_flags")

    def __init__(self, keys: Keys, *, suite: int = 0, key: Key | None = None, is_broadcast: bool = False) -> None:
        self._encrypt: Callable[[bytes, bytes, bytes | None], bytes] = AESGCM((key or keys.encryption).octets).encrypt
        self._authentication_key = keys.authentication.octets
        self._flags = suite | (BROADCAST if is_broadcast else 0)
        self._control = bytes((PROTECTED | self._flags,))
        self._authenticated = bytes((AUTHENTICATED | self._flags,))
        self._additional = self._control + self._authentication_key

    def seal(self, plain: bytes, title: SystemTitle, counter: int, extra: bytes = b"") -> bytes:
        """Encrypted and authenticated. extra: authenticated too, but not part of the content."""
        tail = counter.to_bytes(4, "big")
        additional = self._additional + extra if extra else self._additional
        return self._control + tail + self._encrypt(title.octets + tail, plain, additional)[:-4]

    def seal_authenticated(self, plain: bytes, title: SystemTitle, counter: int, extra: bytes = b"") -> bytes:
        """Authenticated, and readable by everybody."""
        tail = counter.to_bytes(4, "big")
        additional = self._authenticated + self._authentication_key + extra + plain
        return self._authenticated + tail + plain + self._encrypt(title.octets + tail, b"", additional)[:TAG_OCTETS]

    def open(self, content: bytes, title: SystemTitle, extra: bytes = b"") -> bytes:
        """The plain text, after the tag was compared.

        Raises RemoteProtocolError: MALFORMED, UNSUPPORTED, NOT_CIPHERED, WRONG_TAG.

        AESGCM.decrypt takes 16-octet tags only. Encrypting again is its own inverse in counter mode, and gives the
        whole tag to compare with (1.2-1.8 us; the generic cipher interface takes 5-7 us).
        """
        if len(content) < CONTENT_OCTETS_LEAST:
            raise malformed("a ciphered content that is too short")
        nonce = title.octets + content[1:_HEAD_OCTETS]
        body = content[_HEAD_OCTETS:-TAG_OCTETS]
        encrypt = self._encrypt
        if content[0] == self._control[0]:
            plain = encrypt(nonce, body, None)[:-16]
            expected = encrypt(nonce, plain, self._additional + extra if extra else self._additional)[-16:-4]
        elif content[0] == self._authenticated[0]:
            plain = body
            additional = self._authenticated + self._authentication_key + extra + body
            expected = encrypt(nonce, b"", additional)[:TAG_OCTETS]
        else:
            raise self._unspoken(content[0])
        if not compare_digest(expected, content[-TAG_OCTETS:]):
            raise RemoteProtocolError(ErrorCode.WRONG_TAG, "the authentication tag does not fit")
        return plain

    def opener(self, title: SystemTitle) -> Callable[[bytes, int], bytes]:
        """`open` for one peer, without looking anything up: nearly all that a client does is to open short answers.

        The function takes octets, and where in them the content begins: CONTENT_OCTETS_LEAST of it must be there.
        """
        encrypt, control, additional, octets = self._encrypt, self._control[0], self._additional, title.octets

        def open_from(raw: bytes, at: int) -> bytes:
            if raw[at] != control:
                return self.open(raw[at:], title)
            nonce = octets + raw[at + 1 : at + _HEAD_OCTETS]
            plain = encrypt(nonce, raw[at + _HEAD_OCTETS : -TAG_OCTETS], None)[:-16]
            if not compare_digest(encrypt(nonce, plain, additional)[-16:-4], raw[-TAG_OCTETS:]):
                raise RemoteProtocolError(ErrorCode.WRONG_TAG, "the authentication tag does not fit")
            return plain

        return open_from

    def _unspoken(self, control: int) -> RemoteProtocolError:
        if control & ~_KINDS == self._flags:
            return RemoteProtocolError(ErrorCode.NOT_CIPHERED, f"security control {control:02X} protects too little")
        return RemoteProtocolError(ErrorCode.UNSUPPORTED, f"security control {control:02X}")

    def proof(self, challenge: bytes, title: SystemTitle, counter: int) -> bytes:
        """HLS 5: SC IC GMAC(SC, authentication key, challenge); it uses a counter of its own."""
        tail = counter.to_bytes(4, "big")
        additional = self._authenticated + self._authentication_key + challenge
        return self._authenticated + tail + self._encrypt(title.octets + tail, b"", additional)[:TAG_OCTETS]

    def check_proof(self, proof: bytes, challenge: bytes, title: SystemTitle) -> None:
        """Raises RemoteProtocolError (AUTHENTICATION_FAILED)."""
        if len(proof) == _HEAD_OCTETS + TAG_OCTETS and proof[:1] == self._authenticated:
            counter = int.from_bytes(proof[1:_HEAD_OCTETS], "big")
            if compare_digest(self.proof(challenge, title, counter), proof):
                return
        raise RemoteProtocolError(ErrorCode.AUTHENTICATION_FAILED, "the peer's proof is not made with our key")


def counter_of(content: bytes) -> int:
    """The invocation counter of a ciphered content that was opened."""
    return int.from_bytes(content[1:_HEAD_OCTETS], "big")
