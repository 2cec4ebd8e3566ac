"""All that one end of an association must be told: nothing is drawn, read or guessed inside."""

from dataclasses import dataclass, field
from enum import Enum, IntEnum

from aforo.dlms.counters import CounterRange
from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.events import Conformance
from aforo.dlms.keys import Keys, Secret, SystemTitle


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

    AUTO follows the negotiated general-protection bit: general-glo when it is set, glo otherwise.
    """

    AUTO = "auto"
    GLO = "glo"
    GENERAL_GLO = "general-glo"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """title: ours.   challenge: 8 to 64 octets of the caller's entropy, used once, needed by every HLS mechanism.

    keys: None means that the association is not ciphered.   counters: our invocation counters, already reserved.
    peer_counter_floor: replies with a counter at or below it are replays.   max_pdu: longest APDU we accept, octets.
    password: LLS password or HLS 2, 3, 4, 6 secret.   message_octets_max: longest message put together from blocks.
    window: blocks of a general block transfer that we take at a time.
    """

    mechanism: Mechanism = Mechanism.NONE
    title: SystemTitle | None = None
    peer_title: SystemTitle | None = None
    keys: Keys | None = None
    password: Secret | None = None
    challenge: bytes = field(default=b"", repr=False)
    counters: CounterRange | None = None
    suite: int = 0
    ciphering: Ciphering = Ciphering.AUTO
    conformance: Conformance = STANDARD_SERVICES
    max_pdu: int = 1024
    peer_counter_floor: int = -1
    message_octets_max: int = 262_144
    window: int = 8

    def __post_init__(self) -> None:
        if self.keys is not None and (self.title is None or self.counters is None):
            raise LocalProtocolError("ciphering needs our system title and reserved invocation counters")
        if self.mechanism is Mechanism.HLS_GMAC and self.keys is None:
            raise LocalProtocolError("HLS with GMAC needs keys")
        if self.mechanism >= Mechanism.HLS_MANUFACTURER and not 8 <= len(self.challenge) <= 64:
            raise LocalProtocolError("HLS needs a challenge of 8 to 64 octets")
        if self.mechanism is Mechanism.LLS and self.password is None:
            raise LocalProtocolError("low level security needs a password")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings(Settings):
    """peer_title: None means that it is learnt from the AARE; given, another title is an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings(Settings):
    """peer_title: None means that any client title is taken, as long as the keys fit."""
