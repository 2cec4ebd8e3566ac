"""Which key a general-ciphering message is under: ours when we send, the one that it names when we receive."""

from dataclasses import dataclass

from aforo.dlms import general_ciphering as gc
from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, malformed
from aforo.dlms.general_ciphering import AgreedKey, Envelope, IdentifiedKey, KeyInfo, WrappedKey
from aforo.dlms.key_transport import unwrap, wrap
from aforo.dlms.keys import Key, Keys
from aforo.dlms.public_keys import PrivateKey, PublicKey, derived_key
from aforo.dlms.suites import Suite, suite_of


@dataclass(frozen=True, slots=True)
class UnderIdentifiedKey:
    """The global unicast key of both ends."""


@dataclass(frozen=True, slots=True)
class UnderWrappedKey:
    """key: of this association only, sent wrapped under the master key."""

    key: Key


@dataclass(frozen=True, slots=True)
class UnderAgreedKey:
    """C(1e, 1s): our ephemeral key, signed, with the peer's static key-agreement key."""

    ephemeral: PrivateKey
    signer: PrivateKey
    peer: PublicKey


@dataclass(frozen=True, slots=True)
class UnderStaticKeys:
    """C(0e, 2s): the static key-agreement keys of both ends; each transaction has a key of its own."""

    own: PrivateKey
    peer: PublicKey


Sending = UnderIdentifiedKey | UnderWrappedKey | UnderAgreedKey | UnderStaticKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralKeys:
    """sending: how our messages are protected.   master: opens wrapped keys.   own_static: our key-agreement key.

    peer_signer: checks the signature of the peer's ephemeral key.   peer_static: its key-agreement key.
    first_transaction: of our messages; it counts up, 8 octets on the wire.
    """

    sending: Sending
    master: Key | None = None
    own_static: PrivateKey | None = None
    peer_signer: PublicKey | None = None
    peer_static: PublicKey | None = None
    first_transaction: int = 1


@dataclass(frozen=True, slots=True)
class Signing:
    """own: signs what we send.   peer: checks what we receive; what is not signed is then refused."""

    own: PrivateKey
    peer: PublicKey


def sending_key(general: GeneralKeys, keys: Keys, envelope: Envelope, suite: int) -> tuple[KeyInfo, Key]:
    """Raises LocalProtocolError when what it takes is missing."""
    match general.sending:
        case UnderIdentifiedKey():
            return IdentifiedKey(), keys.encryption
        case UnderWrappedKey(key):
            if general.master is None:
                raise LocalProtocolError("a key is wrapped under a master key")
            return WrappedKey(wrap(general.master, key)), key
        case UnderAgreedKey(ephemeral, signer, peer):
            public = ephemeral.public.octets
            info = AgreedKey(gc.ONE_PASS, public + signer.sign(public))
            return info, _derived(ephemeral.shared_secret(peer), suite, envelope.originator, envelope.recipient)
        case UnderStaticKeys(own, peer):
            secret = own.shared_secret(peer)
            party_u = envelope.originator + envelope.transaction
            return AgreedKey(gc.STATIC), _derived(secret, suite, party_u, envelope.recipient)


def received_key(general: GeneralKeys, keys: Keys, envelope: Envelope, info: KeyInfo | None, suite: int) -> Key:
    """Raises RemoteProtocolError: UNSUPPORTED for a key that we do not have."""
    match info:
        case None | IdentifiedKey(gc.GLOBAL_UNICAST):
            return keys.encryption
        case IdentifiedKey(gc.GLOBAL_BROADCAST) if keys.broadcast is not None:
            return keys.broadcast
        case WrappedKey(wrapped, gc.MASTER) if general.master is not None:
            key = unwrap(general.master, wrapped)
            if len(key) != suite_of(suite).key_octets:
                raise malformed(f"a key of {len(key)} octets in suite {suite}")
            return key
        case AgreedKey(gc.ONE_PASS, octets) if general.own_static is not None and general.peer_signer is not None:
            point = 2 * general.own_static.suite.coordinate_octets
            if len(octets) != 2 * point:
                raise malformed(f"an ephemeral key of {len(octets)} octets")
            public = PublicKey.received(octets[:point], suite)
            general.peer_signer.check(octets[point:], public.octets)
            secret = general.own_static.shared_secret(public)
            return _derived(secret, suite, envelope.originator, envelope.recipient)
        case AgreedKey(gc.STATIC) if general.own_static is not None and general.peer_static is not None:
            secret = general.own_static.shared_secret(general.peer_static)
            return _derived(secret, suite, envelope.originator + envelope.transaction, envelope.recipient)
    raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"a message under a key that we do not have ({info!r})")


def _derived(secret: bytes, suite: int, party_u: bytes, party_v: bytes) -> Key:
    row: Suite = suite_of(suite)
    return Key(derived_key(secret, row, party_u=party_u, party_v=party_v))
