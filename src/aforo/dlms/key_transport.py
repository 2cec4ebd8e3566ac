"""New keys for a device: wrapped under the master key, or agreed on (methods 2 and 3 of Security setup, class 64)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from aforo.dlms import data
from aforo.dlms.errors import ErrorCode, RemoteProtocolError, malformed
from aforo.dlms.keys import Key, SystemTitle
from aforo.dlms.public_keys import PrivateKey, PublicKey, derived_key


class KeyId(IntEnum):
    """key_id of the methods."""

    UNICAST_ENCRYPTION = 0
    BROADCAST_ENCRYPTION = 1
    AUTHENTICATION = 2
    MASTER = 3


@dataclass(frozen=True, slots=True)
class NewKey:
    key_id: KeyId
    key: Key


def wrap(kek: Key, key: Key) -> bytes:
    """RFC 3394."""
    return aes_key_wrap(kek.octets, key.octets)


def unwrap(kek: Key, wrapped: bytes) -> Key:
    """Raises RemoteProtocolError (WRONG_TAG): another key-encryption key, or what was wrapped has been changed."""
    try:
        octets = aes_key_unwrap(kek.octets, wrapped)
    except (InvalidUnwrap, ValueError) as wrong:
        raise RemoteProtocolError(ErrorCode.WRONG_TAG, "the wrapped key does not open") from wrong
    if len(octets) not in (16, 32):
        raise malformed(f"a key of {len(octets)} octets")
    return Key(octets)


def key_transfer(master: Key, keys: Sequence[NewKey]) -> bytes:
    """Parameter of method 2: an array of {key_id, key_wrapped}."""
    return data.array(*(data.structure(data.enum(new.key_id), data.octets(wrap(master, new.key))) for new in keys))


def read_key_transfer(master: Key, encoded: bytes) -> tuple[NewKey, ...]:
    """Raises RemoteProtocolError: MALFORMED, WRONG_TAG."""
    return tuple(NewKey(key_id, unwrap(master, wrapped)) for key_id, wrapped in _pairs(encoded))


@dataclass(frozen=True, slots=True)
class Offer:
    """One end's half of an agreement: its ephemeral public key, signed."""

    key_id: KeyId
    public: PublicKey
    signature: bytes = field(repr=False)

    def encoded(self) -> bytes:
        return data.structure(data.enum(self.key_id), data.octets(self.public.octets + self.signature))


def offer(key_id: KeyId, ephemeral: PrivateKey, signer: PrivateKey) -> Offer:
    """Signed is key_id || ephemeral public key."""
    return Offer(key_id, ephemeral.public, signer.sign(bytes((key_id,)) + ephemeral.public.octets))


def key_agreement(offers: Sequence[Offer]) -> bytes:
    """Parameter, and answer, of method 3: an array of {key_id, key_data}."""
    return data.array(*(each.encoded() for each in offers))


def read_key_agreement(encoded: bytes, signer: PublicKey) -> tuple[Offer, ...]:
    """Raises RemoteProtocolError: MALFORMED, AUTHENTICATION_FAILED."""
    suite = signer.suite
    point = 2 * suite.coordinate_octets
    offers = []
    for key_id, octets in _pairs(encoded):
        if len(octets) != 2 * point:
            raise malformed(f"key data of {len(octets)} octets")
        public = PublicKey.received(octets[:point], suite.number)
        signer.check(octets[point:], bytes((key_id,)) + public.octets)
        offers.append(Offer(key_id, public, octets[point:]))
    return tuple(offers)


def agreed_key(ephemeral: PrivateKey, peer: PublicKey, *, client: SystemTitle, server: SystemTitle) -> Key:
    """Ephemeral unified model C(2e, 0s): both ends, with their own ephemeral key, get the same."""
    secret = ephemeral.shared_secret(peer)
    return Key(derived_key(secret, ephemeral.suite, party_u=client.octets, party_v=server.octets))


def _pairs(encoded: bytes) -> list[tuple[KeyId, bytes]]:
    value = data.decode(encoded)
    if encoded[:1] != bytes((data.ARRAY,)) or not isinstance(value, tuple):
        raise malformed("keys come in an array")
    pairs = []
    for entry in value:
        match entry:
            case (int(number), bytes(octets)) if number in KeyId.__members__.values():
                pairs.append((KeyId(number), octets))
            case _:
                raise malformed("a key comes as its number and octets")
    return pairs
