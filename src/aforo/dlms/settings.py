"""All that one end of an association must be told: nothing is drawn, read or guessed inside."""

from enum import Enum, IntEnum

from msgspec import Struct

from aforo.dlms.counters import CounterRange
from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.events import Conformance
from aforo.dlms.general_keys import GeneralKeys, Signing
from aforo.dlms.keys import Keys, Secret, SystemTitle
from aforo.dlms.suites import suite_of


class Mechanism(IntEnum):
    """Authentication mechanisms, 2.16.756.5.8.2.n."""

    NONE = 0
    LLS = 1
    HLS_MANUFACTURER = 2
    HLS_MD5 = 3
    HLS_SHA1 = 4
    HLS_GMAC = 5
    HLS_SHA256 = 6
    HLS_ECDSA = 7


class Ciphering(Enum):
    """Which APDUs carry protected services.

    AUTO follows the negotiated general-protection bit: general-glo when it is set, glo otherwise. With a dedicated key
    they become general-ded and ded once the association stands. GENERAL_CIPHERING names its key in every message.
    """

    AUTO = "auto"
    GLO = "glo"
    GENERAL_GLO = "general-glo"
    GENERAL_CIPHERING = "general-ciphering"


_WITH_SECRET = (Mechanism.HLS_MANUFACTURER, Mechanism.HLS_MD5, Mechanism.HLS_SHA1, Mechanism.HLS_SHA256)
_WITH_TITLE = (Mechanism.HLS_SHA256, Mechanism.HLS_ECDSA)

STANDARD_SERVICES = (
    Conformance.GENERAL_PROTECTION
    | Conformance.GENERAL_BLOCK_TRANSFER
    | Conformance.PRIORITY
    | Conformance.BLOCK_GET
    | Conformance.BLOCK_SET
    | Conformance.BLOCK_ACTION
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.DATA_NOTIFICATION
    | Conformance.ACCESS
    | Conformance.GET
    | Conformance.SET
    | Conformance.SELECTIVE_ACCESS
    | Conformance.EVENT_NOTIFICATION
    | Conformance.ACTION
)
"""All that this core speaks."""


class Settings(Struct, frozen=True, kw_only=True):
    """title: ours.   challenge: 8 to 64 octets of the caller's entropy, used once, needed by every HLS mechanism.

    keys: None means that the association is not ciphered.   counters: our invocation counters, already reserved.
    peer_counter_floor: replies with a counter at or below it are replays.   max_pdu: longest APDU we accept, octets.
    password: LLS password or HLS 2, 3, 4, 6 secret.   suite: security suite, 0 to 2.   general: keys of
    GENERAL_CIPHERING.   signing: HLS 7, and with signs_services also a signature around every service.
    message_octets_max: longest message put together from blocks.
    window: blocks of a general block transfer that we take at a time.
    """

    mechanism: Mechanism = Mechanism.NONE
    title: SystemTitle | None = None
    peer_title: SystemTitle | None = None
    keys: Keys | None = None
    password: Secret | None = None
    challenge: bytes = b""
    counters: CounterRange | None = None
    suite: int = 0
    ciphering: Ciphering = Ciphering.AUTO
    conformance: Conformance = STANDARD_SERVICES
    max_pdu: int = 1024
    peer_counter_floor: int = -1
    message_octets_max: int = 262_144
    window: int = 8
    general: GeneralKeys | None = None
    signing: Signing | None = None
    signs_services: bool = False

    def __post_init__(self) -> None:
        missing = self._missing_for_keys() or self._missing_for_mechanism()
        if missing:
            raise LocalProtocolError(missing)

    def _missing_for_keys(self) -> str | None:
        keys, octets = self.keys, suite_of(self.suite).key_octets
        if self.signs_services and self.signing is None:
            return "signing needs keys"
        if self.ciphering is Ciphering.GENERAL_CIPHERING and (keys is None or self.general is None):
            return "general-ciphering needs keys of its own"
        if keys is None:
            return None
        if self.title is None or self.counters is None:
            return "ciphering needs our system title and reserved invocation counters"
        for key in keys.present():
            if len(key.octets) != octets:
                return f"suite {self.suite} has keys of {octets} octets"
        return None

    def _missing_for_mechanism(self) -> str | None:
        mechanism = self.mechanism
        if mechanism >= Mechanism.HLS_MANUFACTURER and not 8 <= len(self.challenge) <= 64:
            return "HLS needs a challenge of 8 to 64 octets"
        if mechanism is Mechanism.HLS_GMAC:
            return "HLS with GMAC needs keys" if self.keys is None else None
        if mechanism is Mechanism.LLS and self.password is None:
            return "low level security needs a password"
        if mechanism in _WITH_SECRET and self.password is None:
            return f"authentication by {mechanism.name} needs a secret"
        if mechanism in _WITH_TITLE and self.title is None:
            return f"authentication by {mechanism.name} needs our system title"
        if mechanism is Mechanism.HLS_ECDSA and self.signing is None:
            return "HLS with ECDSA needs signing keys"
        return None


class ClientSettings(Settings, frozen=True, kw_only=True):
    """peer_title: None means that it is learnt from the AARE; given, another title is an error."""


class ServerSettings(Settings, frozen=True, kw_only=True):
    """peer_title: None means that any client title is taken, as long as the keys fit."""
