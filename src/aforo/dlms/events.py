"""What the two ends say to each other, free of its encoding. Encoded COSEM data is `bytes`, tag included."""

from enum import IntEnum, IntFlag

from msgspec import Struct

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


class Selection(Struct, frozen=True):
    """Selective access: selector 1 is a range, 2 an entry in class 7. parameter: encoded data."""

    selector: int
    parameter: bytes


class GetRequest(Struct, frozen=True):
    class_id: int
    obis: bytes
    attribute: int
    selection: Selection | None = None
    high: bool = False


class SetRequest(Struct, frozen=True):
    class_id: int
    obis: bytes
    attribute: int
    data: bytes
    selection: Selection | None = None
    high: bool = False


class ActionRequest(Struct, frozen=True):
    class_id: int
    obis: bytes
    method: int
    parameter: bytes | None = None
    high: bool = False


class GetListRequest(Struct, frozen=True):
    """Several attributes at once; `high` of each item is not told apart from the list's."""

    items: tuple[GetRequest, ...]
    high: bool = False


class SetListRequest(Struct, frozen=True):
    items: tuple[SetRequest, ...]
    high: bool = False


class ActionListRequest(Struct, frozen=True):
    """On the wire a method without a parameter gets null-data: the two cannot be told apart."""

    items: tuple[ActionRequest, ...]
    high: bool = False


class AccessRequest(Struct, frozen=True):
    """GET, SET and ACTION mixed, carried out in order.

    date_time: 12 octets, or empty.   breaks_on_error: what follows the first refusal is not carried out.
    """

    items: tuple[GetRequest | SetRequest | ActionRequest, ...]
    date_time: bytes = b""
    breaks_on_error: bool = False
    high: bool = False


class GetResponse(Struct, frozen=True):
    """data is there exactly when result is SUCCESS. An unknown result number comes as OTHER_REASON."""

    result: DataAccess
    data: bytes | None = None


class SetResponse(Struct, frozen=True):
    result: DataAccess


class ActionResponse(Struct, frozen=True):
    """data: what the method returned, None when it returns nothing."""

    result: DataAccess
    data: bytes | None = None


class GetListResponse(Struct, frozen=True):
    """In the order of the request, as are the two below."""

    items: tuple[GetResponse, ...]


class SetListResponse(Struct, frozen=True):
    items: tuple[SetResponse, ...]


class ActionListResponse(Struct, frozen=True):
    items: tuple[ActionResponse, ...]


class AccessResponse(Struct, frozen=True):
    """items: in the order of the request, each of its own service."""

    items: tuple[GetResponse | SetResponse | ActionResponse, ...]
    date_time: bytes = b""


class DataNotification(Struct, frozen=True):
    """invoke_id: long-invoke-id-and-priority, 32 bits as on the wire (bit 30 asks for a confirmation).

    date_time: 12 octets, or empty.   data: encoded.
    """

    invoke_id: int
    date_time: bytes
    data: bytes

    @property
    def wants_confirmation(self) -> bool:
        return bool(self.invoke_id & _CONFIRMED)


_CONFIRMED = 1 << 30


class NotificationConfirm(Struct, frozen=True):
    """Client: the notification with this long-invoke-id-and-priority was taken over durably."""

    invoke_id: int
    date_time: bytes = b""


class EventNotification(Struct, frozen=True):
    """An attribute's value, unasked and never confirmed. date_time: 12 octets, or empty.   data: encoded."""

    class_id: int
    obis: bytes
    attribute: int
    data: bytes
    date_time: bytes = b""


class ServiceError(Struct, frozen=True):
    """confirmed-service-error, in place of an answer. service: 1 initiate, 5 read, 6 write.

    group: 0 application-reference, 1 hardware-resource, 2 vde-state-error, 3 service, 4 definition, 5 access,
    6 initiate, 7 load-data-set, 9 task.   error: of that group (IEC 62056-5-3, COSEMpdu, ServiceError).
    """

    service: int
    group: int
    error: int


class ExceptionResponse(Struct, frozen=True):
    """state: 1 service-not-allowed, 2 service-unknown.

    service: 1 operation-not-possible, 2 service-not-supported, 3 other-reason, 4 pdu-too-long, 5 deciphering-error,
    6 invocation-counter-error.   counter: the value the peer expects, only with service 6.
    """

    state: int
    service: int
    counter: int | None = None


class Associate(Struct, frozen=True):
    """Client: ask for an association with what the settings hold."""


class AssociationEstablished(Struct, frozen=True):
    """Both sides have proved what the mechanism asks for. max_pdu: what the peer accepts, 0 means no bound."""

    conformance: Conformance
    max_pdu: int
    peer_title: SystemTitle | None


class AssociationRejected(Struct, frozen=True):
    """result: 1 permanent, 2 transient.   diagnostic: ACSE service-user number (13 = authentication failure).

    by_peer is False when it is we who refused, because the peer's proof was wrong.
    """

    result: int
    diagnostic: int
    by_peer: bool = True
    detail: str = ""


class Release(Struct, frozen=True):
    """Client: end the association in order."""


class Abort(Struct, frozen=True):
    """Either end, in any state: the association is over here and now. Nothing goes over the line (COSEM-ABORT is local,
    IEC 62056-5-3): the other end learns it from the line's end, or from the next AARQ.
    """


class Released(Struct, frozen=True):
    """The association is over, in order; a new one may follow on the same connection."""


SingleRequest = GetRequest | SetRequest | ActionRequest
SingleResponse = GetResponse | SetResponse | ActionResponse
ListRequest = GetListRequest | SetListRequest | ActionListRequest
ListResponse = GetListResponse | SetListResponse | ActionListResponse
ServiceRequest = SingleRequest | ListRequest
ServiceResponse = SingleResponse | ListResponse
Request = ServiceRequest | AccessRequest
Response = ServiceResponse | AccessResponse
Event = (
    Request
    | Response
    | DataNotification
    | NotificationConfirm
    | EventNotification
    | ExceptionResponse
    | ServiceError
    | Associate
    | AssociationEstablished
    | AssociationRejected
    | Release
    | Released
    | Abort
)
