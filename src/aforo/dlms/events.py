"""What the two ends say to each other, free of its encoding. Encoded COSEM data is `bytes`, tag included."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from aforo.dlms.keys import SystemTitle


class DataAccess(IntEnum):
    """Data-Access-Result and Action-Result, which share their numbers (IEC 62056-5-3, COSEMpdu)."""

    SUCCESS = 0
    HARDWARE_FAULT = 1
    TEMPORARY_FAILURE = 2
    READ_WRITE_DENIED = 3
    OBJECT_UNDEFINED = 4
    OBJECT_CLASS_INCONSISTENT = 9
    OBJECT_UNAVAILABLE = 11
    TYPE_UNMATCHED = 12
    SCOPE_OF_ACCESS_VIOLATED = 13
    DATA_BLOCK_UNAVAILABLE = 14
    LONG_GET_ABORTED = 15
    NO_LONG_GET_IN_PROGRESS = 16
    LONG_SET_ABORTED = 17
    NO_LONG_SET_IN_PROGRESS = 18
    DATA_BLOCK_NUMBER_INVALID = 19
    OTHER_REASON = 250


class Conformance(IntFlag):
    """Conformance block: 24 bits, bit 0 of the standard is the most significant here."""

    GENERAL_PROTECTION = 1 << 22
    GENERAL_BLOCK_TRANSFER = 1 << 21
    PRIORITY = 1 << 14
    BLOCK_GET = 1 << 12
    BLOCK_SET = 1 << 11
    BLOCK_ACTION = 1 << 10
    MULTIPLE_REFERENCES = 1 << 9
    DATA_NOTIFICATION = 1 << 7
    ACCESS = 1 << 6
    GET = 1 << 4
    SET = 1 << 3
    SELECTIVE_ACCESS = 1 << 2
    EVENT_NOTIFICATION = 1 << 1
    ACTION = 1 << 0


@dataclass(frozen=True, slots=True)
class Selection:
    """Selective access: selector 1 is a range, 2 an entry in class 7. parameter: encoded data."""

    selector: int
    parameter: bytes


@dataclass(frozen=True, slots=True)
class GetRequest:
    class_id: int
    obis: bytes
    attribute: int
    selection: Selection | None = None
    high: bool = False


@dataclass(frozen=True, slots=True)
class SetRequest:
    class_id: int
    obis: bytes
    attribute: int
    data: bytes
    selection: Selection | None = None
    high: bool = False


@dataclass(frozen=True, slots=True)
class ActionRequest:
    class_id: int
    obis: bytes
    method: int
    parameter: bytes | None = None
    high: bool = False


@dataclass(frozen=True, slots=True)
class GetResponse:
    """data is there exactly when result is SUCCESS. An unknown result number comes as OTHER_REASON."""

    result: DataAccess
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class SetResponse:
    result: DataAccess


@dataclass(frozen=True, slots=True)
class ActionResponse:
    """data: what the method returned, None when it returns nothing."""

    result: DataAccess
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class DataNotification:
    """invoke_id: long-invoke-id-and-priority, 32 bits as on the wire (bit 30 asks for a confirmation).

    date_time: 12 octets, or empty.   data: encoded.
    """

    invoke_id: int
    date_time: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class ExceptionResponse:
    """state: 1 service-not-allowed, 2 service-unknown.

    service: 1 operation-not-possible, 2 service-not-supported, 3 other-reason, 4 pdu-too-long, 5 deciphering-error,
    6 invocation-counter-error.   counter: the value the peer expects, only with service 6.
    """

    state: int
    service: int
    counter: int | None = None


@dataclass(frozen=True, slots=True)
class Associate:
    """Client: ask for an association with what the settings hold."""


@dataclass(frozen=True, slots=True)
class AssociationEstablished:
    """Both sides have proved what the mechanism asks for. max_pdu: what the peer accepts, 0 means no bound."""

    conformance: Conformance
    max_pdu: int
    peer_title: SystemTitle | None


@dataclass(frozen=True, slots=True)
class AssociationRejected:
    """result: 1 permanent, 2 transient.   diagnostic: ACSE service-user number (13 = authentication failure).

    by_peer is False when it is we who refused, because the peer's proof was wrong.
    """

    result: int
    diagnostic: int
    by_peer: bool = True
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """Client: end the association in order."""


@dataclass(frozen=True, slots=True)
class Released:
    """The association is over, in order; a new one may follow on the same connection."""


Request = GetRequest | SetRequest | ActionRequest
Response = GetResponse | SetResponse | ActionResponse
Event = (
    Request
    | Response
    | DataNotification
    | ExceptionResponse
    | Associate
    | AssociationEstablished
    | AssociationRejected
    | Release
    | Released
)
