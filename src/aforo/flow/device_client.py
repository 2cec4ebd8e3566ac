"""A DLMS client as a conversation free of transport: association, diagnosis of what goes wrong, requests.

Steps 4 to 7 share it: the head-end towards a concentrator or a direct meter, a concentrator towards its meters. Each
operation is a generator. It yields an Exchange (hand back Heard, or throw DeviceLost when the line is gone) or
CountersWanted (hand back CountersGiven), so that whoever has the line and the durable counters drives it.
"""

from collections.abc import Callable, Generator
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from msgspec import Struct

from aforo import dlms
from aforo.dlms import data
from aforo.dlms.connection import Connection
from aforo.dlms.counters import COUNTER_MAX, CounterRange
from aforo.dlms.errors import ErrorCode, RemoteProtocolError
from aforo.dlms.events import (
    AssociationEstablished,
    AssociationRejected,
    DataNotification,
    Event,
    ExceptionResponse,
    Request,
    Response,
)
from aforo.dlms.keys import Keys, SystemTitle
from aforo.dlms.obis import obis
from aforo.dlms.offered_services import NotOffered
from aforo.dlms.settings import Ciphering, ClientSettings, Mechanism
from aforo.domain.causes import Cause
from aforo.flow.frame_log import FrameLog

PUBLIC_CLIENT = 16
INVOCATION_COUNTERS = (obis("0-0:43.1.1.255"), obis("0-0:43.1.0.255"))
"""Where devices keep the counter that they expect of a client: per client, or one for all."""

CONTACT_TRIES = 2
"""Calls to the public client of a device before it counts as unreachable."""

ASSOCIATION_TRIES = 3
"""Unanswered ciphered AARQs, while the public client answers, before silence counts as a wrong key."""

COUNTER_CORRECTIONS_MAX = 2
"""Exception-responses with a counter that one association follows. They are not protected: a device, or whoever sits on
the line, could else name another one for ever, and use up a key's counters by it."""

NOTIFICATIONS_MAX = 1024
"""Put aside and not yet taken."""

COUNTER_JUMP_MAX = 1_000_000
"""How far one reading may raise a counter on record: the reading is not protected, so it can be forged."""

COUNTERS_LOW = 8
"""A request takes one counter and the association two; below this, more are asked for."""

AUTHENTICATION_DIAGNOSTICS = {11, 12, 13, 14}
"""AARE diagnostics about the authentication: mechanism not recognised or required, failure, required (ACSE)."""

_CAUSE_OF = {
    ErrorCode.WRONG_TAG: Cause.WRONG_KEY,
    ErrorCode.AUTHENTICATION_FAILED: Cause.WRONG_KEY,
    ErrorCode.WRONG_PEER: Cause.WRONG_DEVICE,
}
"""What a device's bytes mean for the order; every other way of breaking the protocol is PROTOCOL_FAULT."""

_NOT_POSSIBLE, _DECIPHERING_ERROR, _COUNTER_ERROR = 1, 5, 6
_DATA, _VALUE = 1, 2

T = TypeVar("T")


class DeviceAccess(Struct, frozen=True, kw_only=True):
    """How a device is spoken to.

    own_title: the client's.   keys: None when they are not ours to have.   title: None means that it is learnt.
    behind_gateway: an exception-response may come from the gateway, for a device that it cannot reach.
    """

    own_title: SystemTitle
    keys: Keys | None
    title: SystemTitle | None = None
    client_sap: int = 1
    server_sap: int = 1
    behind_gateway: bool = False
    max_pdu: int = 1024


class Exchange(Struct, frozen=True):
    """APDUs for the device, and the service access points of the two ends. apdus: none means only wait; several come of
    a transfer in blocks.
    """

    client_sap: int
    server_sap: int
    apdus: tuple[bytes, ...]


class Heard(Struct, frozen=True):
    """apdu: None is silence, certain only after the whole wait."""

    apdu: bytes | None
    at: datetime


class CountersWanted(Struct, frozen=True):
    """More invocation counters, durable before they are handed back.

    expected: what the device expects, the lowest of them unless a higher one is on record; None: as on record.
    """

    expected: int | None = None


class CountersGiven(Struct, frozen=True):
    """counters: None when nothing is on record for the device, so that its own must be read first."""

    counters: CounterRange | None


Conversation = Generator[Exchange | CountersWanted, Heard | CountersGiven, T]


class DeviceLost(Exception):
    """The conversation cannot go on. counter: what the device says it expects, when it does."""

    def __init__(self, cause: Cause, detail: str, *, counter: int | None = None) -> None:
        super().__init__(detail)
        self.cause = cause
        self.detail = detail
        self.counter = counter


class DeviceClient:
    """One device's client. The association is kept between operations until `forget`.

    challenge: 8 to 64 fresh octets of entropy at every call.   notifications: what came unasked, the oldest first.
    frames: what went over the line, ciphered as it was.
    """

    def __init__(
        self,
        access: DeviceAccess,
        *,
        challenge: Callable[[], bytes],
        ciphering: Ciphering = Ciphering.AUTO,
        jump_max: int = COUNTER_JUMP_MAX,
    ) -> None:
        self.access = access
        self.connection: Connection | None = None
        self.max_pdu = 0
        self.notifications: list[DataNotification] = []
        self._challenge = challenge
        self._ciphering = ciphering
        self._jump_max = jump_max
        self._counters: CounterRange | None = None
        self.frames = FrameLog()

    def use(self, ciphering: Ciphering) -> None:
        """Another way of ciphering ends the association."""
        if ciphering is not self._ciphering:
            self._ciphering = ciphering
            self.forget()

    def forget(self) -> None:
        self.connection = None

    def associate(self) -> Conversation[Connection]:
        """Tell a wrong key from a wrong counter and from silence, by what the device's public client says."""
        if self.access.keys is None:
            raise DeviceLost(Cause.WRONG_KEY, "there are no keys of this device here")
        counters = yield from self._counters_on_record()
        asked_public = False
        if counters is None:
            counters = yield from self._learn_counter(None)
            asked_public = True
        unanswered = corrections = 0
        while True:
            try:
                return (yield from self.handshake(counters))
            except DeviceLost as lost:
                if lost.cause is Cause.METER_UNREACHABLE:
                    unanswered += 1
                    if unanswered == ASSOCIATION_TRIES and asked_public:
                        detail = "the device answers its public client, but no ciphered association"
                        raise DeviceLost(Cause.WRONG_KEY, detail) from lost
                elif lost.cause is not Cause.WRONG_KEY or (asked_public and lost.counter is None):
                    raise
                if lost.counter is not None:
                    corrections += 1
                    if corrections > COUNTER_CORRECTIONS_MAX:
                        raise
                    counters = yield from self._raise_counter(lost.counter, counters)
                elif not asked_public:
                    counters = yield from self._learn_counter(counters)
                asked_public = True

    def handshake(self, counters: CounterRange | None = None) -> Conversation[Connection]:
        """One attempt, without diagnosis. Raises DeviceLost."""
        counters = counters or (yield from self._counters_on_record())
        if counters is None:
            raise DeviceLost(Cause.ASSOCIATION_REFUSED, "no invocation counter is on record")
        access = self.access
        settings = ClientSettings(
            mechanism=Mechanism.HLS_GMAC,
            title=access.own_title,
            peer_title=access.title,
            keys=access.keys,
            challenge=self._challenge(),
            counters=counters,
            ciphering=self._ciphering,
            max_pdu=access.max_pdu,
        )
        connection = Connection(settings)
        event, _ = yield from self._converse(connection, dlms.Associate(), access.client_sap)
        if isinstance(event, AssociationEstablished):
            self.connection, self.max_pdu, self._counters = connection, event.max_pdu, counters
            return connection
        raise self._lost_by(event)

    def ask(self, request: Request) -> Conversation[tuple[Response, datetime]]:
        """Needs an association. Raises DeviceLost; a refusal by the device's object is a response like any other."""
        assert self.connection is not None, "associate before asking"
        yield from self._keep_counters()
        try:
            event, at = yield from self._converse(self.connection, request, self.access.client_sap)
        except NotOffered as missing:
            raise DeviceLost(Cause.ASSOCIATION_REFUSED, f"the service is {missing}") from missing
        if isinstance(event, ExceptionResponse):
            raise self._lost_by(event)
        if not isinstance(event, Response):
            raise DeviceLost(Cause.PROTOCOL_FAULT, f"the device answered a request with {type(event).__name__}")
        return event, at

    def take_unasked(self, apdu: bytes) -> None:
        """An APDU that came while nothing was asked. Raises DeviceLost unless it is a notification."""
        assert self.connection is not None
        try:
            event = self.connection.receive(apdu)
        except RemoteProtocolError as wrong:
            raise DeviceLost(Cause.PROTOCOL_FAULT, str(wrong)) from wrong
        if not isinstance(event, DataNotification):
            raise DeviceLost(Cause.PROTOCOL_FAULT, f"{_named(event)} came unasked")
        self.notifications.append(event)

    def _keep_counters(self) -> Conversation[None]:
        assert self._counters is not None, "they came with the association"
        if self._counters.remaining < COUNTERS_LOW:
            yield from self.refill()

    def refill(self) -> Conversation[None]:
        """Reserve more counters for the running association."""
        more = yield from self._counters_on_record()
        assert more is not None, "an association began with counters on record"
        assert self._counters is not None
        self._counters.extend(more)

    def release(self) -> Conversation[None]:
        """End the association in order; a device that does not answer forgets it by itself."""
        connection, self.connection = self.connection, None
        if connection is not None:
            with suppress(DeviceLost):
                yield from self._converse(connection, dlms.Release(), self.access.client_sap)

    def _counters_on_record(self) -> Conversation[CounterRange | None]:
        given = yield CountersWanted()
        assert isinstance(given, CountersGiven)
        return given.counters

    def _learn_counter(self, known: CounterRange | None) -> Conversation[CounterRange]:
        """At first contact, and whenever security fails: what the device itself says."""
        connection = Connection(ClientSettings())
        established = yield from self._contact(connection)
        connection = established or connection
        if established is None:
            if known is not None:
                return known
            raise DeviceLost(Cause.COUNTER_UNREADABLE, "the device's public client is closed: its counter is unknown")
        value = yield from self._read_counter(connection)
        with suppress(DeviceLost):  # what was asked is known; the device ends the public association by itself
            yield from self._converse(connection, dlms.Release(), PUBLIC_CLIENT)
        return (yield from self._raise_counter(value + 1, known))

    def _read_counter(self, connection: Connection) -> Conversation[int]:
        for counter in INVOCATION_COUNTERS:
            request = dlms.GetRequest(_DATA, counter, _VALUE)
            event, _ = yield from self._converse(connection, request, PUBLIC_CLIENT)
            if isinstance(event, dlms.GetResponse) and event.data is not None:
                return whole(event.data)
        raise DeviceLost(Cause.COUNTER_UNREADABLE, "neither of the two objects can be read")

    def _contact(self, connection: Connection) -> Conversation[Connection | None]:
        """The connection associated with the public client; None when the device refuses it."""
        for left in reversed(range(CONTACT_TRIES)):
            try:
                event, _ = yield from self._converse(connection, dlms.Associate(), PUBLIC_CLIENT)
            except DeviceLost as lost:
                if left == 0 or lost.cause is not Cause.METER_UNREACHABLE:
                    raise
                connection = Connection(ClientSettings())
                continue
            if isinstance(event, ExceptionResponse) and self._is_gateways(event):
                raise self._lost_by(event)
            return connection if isinstance(event, AssociationEstablished) else None
        raise AssertionError("a contact ends by an answer or by silence")

    def _raise_counter(self, expected: int, known: CounterRange | None) -> Conversation[CounterRange]:
        """Never lowered; the first reading is taken as it is, later ones within the allowed jump."""
        if not 0 <= expected <= COUNTER_MAX:
            raise DeviceLost(Cause.COUNTER_JUMP, f"{expected} is no invocation counter that could still be used")
        if known is not None and expected - known.next > self._jump_max:
            raise DeviceLost(Cause.COUNTER_JUMP, f"the device expects {expected}, on record is {known.next}")
        given = yield CountersWanted(expected)
        assert isinstance(given, CountersGiven)
        assert given.counters is not None, "an expected counter is always given"
        return given.counters

    def _converse(self, connection: Connection, event: Event, client_sap: int) -> Conversation[tuple[Event, datetime]]:
        """One request to its answer, with what the core exchanges in between. Raises DeviceLost."""
        connection.send(event)
        while True:
            answer, at = yield from self._answer(connection, client_sap, event)
            if answer is not None:
                return answer, at

    def _answer(
        self, connection: Connection, client_sap: int, asked: Event
    ) -> Conversation[tuple[Event | None, datetime]]:
        """What comes back for what is to be sent, notifications put aside. None: there is more to come, or to send."""
        outgoing = tuple(connection.outgoing())
        while True:
            for apdu in outgoing:
                self.frames.note(apdu)
            heard = yield Exchange(client_sap, self.access.server_sap, outgoing)
            assert isinstance(heard, Heard)
            if heard.apdu is None:
                raise DeviceLost(Cause.METER_UNREACHABLE, f"no answer to {_named(asked)}")
            self.frames.note(heard.apdu, heard.at)
            if connection is self.connection:  # what answers a block takes a counter too
                yield from self._keep_counters()
            try:
                event = connection.receive(heard.apdu)
            except RemoteProtocolError as wrong:
                raise DeviceLost(_CAUSE_OF.get(wrong.code, Cause.PROTOCOL_FAULT), str(wrong)) from wrong
            if not isinstance(event, DataNotification):
                return event, heard.at
            if len(self.notifications) == NOTIFICATIONS_MAX:
                raise DeviceLost(Cause.PROTOCOL_FAULT, "the device notifies without end, and does not answer")
            self.notifications.append(event)
            outgoing = ()

    def _is_gateways(self, event: ExceptionResponse) -> bool:
        return self.access.behind_gateway and event.service == _NOT_POSSIBLE

    def _lost_by(self, event: Event) -> DeviceLost:
        """What an answer that ends the conversation means."""
        match event:
            case AssociationRejected(result=result, diagnostic=diagnostic, by_peer=by_peer):
                if not by_peer or diagnostic in AUTHENTICATION_DIAGNOSTICS:
                    return DeviceLost(Cause.WRONG_KEY, f"the authentication failed (diagnostic {diagnostic})")
                return DeviceLost(Cause.ASSOCIATION_REFUSED, f"refused, result {result}, diagnostic {diagnostic}")
            case ExceptionResponse() if self._is_gateways(event):
                return DeviceLost(Cause.METER_UNREACHABLE, "the concentrator cannot reach the meter")
            case ExceptionResponse(service=service) if service == _COUNTER_ERROR:
                detail = "the device expects another invocation counter"
                return DeviceLost(Cause.WRONG_KEY, detail, counter=event.counter)
            case ExceptionResponse(service=service) if service == _DECIPHERING_ERROR:
                return DeviceLost(Cause.WRONG_KEY, "the device cannot decipher")
            case ExceptionResponse(state=state, service=service):
                return DeviceLost(Cause.ASSOCIATION_REFUSED, f"the device answered exception {state}, {service}")
        return DeviceLost(Cause.PROTOCOL_FAULT, f"the device answered with {type(event).__name__}")


def whole(encoded: bytes) -> int:
    """An encoded whole number. Raises DeviceLost for anything else."""
    try:
        value = data.decode(encoded)
    except RemoteProtocolError as wrong:
        raise DeviceLost(Cause.PROTOCOL_FAULT, str(wrong)) from wrong
    if not isinstance(value, int):
        raise DeviceLost(Cause.PROTOCOL_FAULT, f"{value!r} is not a whole number")
    return value


def _named(event: Event | None) -> str:
    return type(event).__name__
