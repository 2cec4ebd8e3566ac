"""One way to a simulated meter: a TCP connection to it, or the line that a concentrator shares among its meters."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

from aforo.dlms import acse
from aforo.dlms.connection import Connection
from aforo.dlms.errors import RemoteProtocolError
from aforo.dlms.events import (
    ActionRequest,
    ActionResponse,
    AssociationEstablished,
    Conformance,
    DataAccess,
    Event,
    Released,
    Request,
    Response,
    SetRequest,
    SetResponse,
)
from aforo.dlms.server import Server
from aforo.dlms.settings import STANDARD_SERVICES, Mechanism, ServerSettings
from aforo.simulator.meter_objects import (
    MANAGEMENT_CLIENT,
    MANAGEMENT_DEVICE,
    PUBLIC_CLIENT,
    management_server,
    public_server,
)
from aforo.simulator.meter_settings import EventCode, MeterFaults, MeterOwnCounters
from aforo.simulator.meter_supply import Supply

_AARQ = bytes((acse.AARQ,))
_CHALLENGE_OCTETS = 16
SERVICES = STANDARD_SERVICES & ~Conformance.GENERAL_BLOCK_TRANSFER
"""A line of a concentrator carries one APDU and its one answer."""

_SERVERS: dict[int, Callable[[Supply, MeterFaults, AssociationEstablished], Server]] = {
    MANAGEMENT_CLIENT: management_server,
    PUBLIC_CLIENT: public_server,
}


class _Association:
    """server: None until the association stands."""

    __slots__ = ("connection", "server")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.server: Server | None = None


class MeterLine:
    """Each line has associations of its own, one per client, so that garbage on one harms no other.

    Of the management client's associations, on whatever lines, the one with the highest counter is alive: an older one
    ends as soon as another has gone on, or what was said there could be said again here.
    """

    __slots__ = ("_associations", "_faults", "_supply")

    def __init__(self, supply: Supply, faults: MeterFaults) -> None:
        self._supply = supply
        self._faults = faults
        self._associations: dict[int, _Association] = {}

    def respond(self, client_sap: int, server_sap: int, apdu: bytes, now: datetime) -> bytes | None:
        """The answer, or None: silence. Raises RemoteProtocolError when the standard has no answer to the APDU."""
        self._supply.advance(now)
        if self._faults.silent or server_sap != MANAGEMENT_DEVICE or client_sap not in _SERVERS:
            return None
        association = self._association(client_sap, apdu)
        try:
            event = association.connection.receive(apdu)
        except RemoteProtocolError:
            answer = _answer(association.connection)
            if answer is None:
                raise
            return answer
        finally:
            self._note_counter(client_sap, association.connection)
        return self._answered(client_sap, association, event)

    def _association(self, client_sap: int, apdu: bytes) -> _Association:
        association = self._associations.get(client_sap)
        if association is None or apdu[:1] == _AARQ or self._is_overtaken(client_sap, association.connection):
            association = self._associations[client_sap] = _Association(Connection(self._settings(client_sap)))
        return association

    def _is_overtaken(self, client_sap: int, connection: Connection) -> bool:
        return client_sap == MANAGEMENT_CLIENT and connection.peer_counter < self._supply.memory.client_counter

    def _note_counter(self, client_sap: int, connection: Connection) -> None:
        memory = self._supply.memory
        if client_sap == MANAGEMENT_CLIENT and connection.peer_counter > memory.client_counter:
            memory.client_counter = connection.peer_counter

    def _answered(self, client_sap: int, association: _Association, event: Event | None) -> bytes | None:
        match event:
            case AssociationEstablished():
                association.server = _SERVERS[client_sap](self._supply, self._faults, event)
            case Released():
                del self._associations[client_sap]
            case request if isinstance(request, Request):
                assert association.server is not None, "requests come within an association"
                return self._carry_out(association.connection, association.server, request)
        return _answer(association.connection)

    def _carry_out(self, connection: Connection, server: Server, request: Request) -> bytes | None:
        arrives = True
        if isinstance(request, SetRequest | ActionRequest):
            response, arrives = self._command(server, request)
        else:
            response = server.answer(request)
        connection.send(response)
        answer = _answer(connection)
        return answer if arrives else None

    def _command(self, server: Server, request: SetRequest | ActionRequest) -> tuple[Response, bool]:
        """And whether the answer arrives."""
        faults, respond = self._faults, SetResponse if isinstance(request, SetRequest) else ActionResponse
        if faults.lose_next_command:
            faults.lose_next_command = False
            return respond(DataAccess.SUCCESS), False
        if faults.refuse_command is not None:
            return respond(faults.refuse_command), True
        if faults.pretends_to_obey:
            return respond(DataAccess.SUCCESS), True
        before = self._supply.limiter.threshold_normal
        response = server.answer(request)
        if self._supply.limiter.threshold_normal != before:
            assert self._supply.memory.evaluated_at is not None, "a request is answered at a time"
            self._supply.record(EventCode.LIMIT_CHANGED, self._supply.memory.evaluated_at)
        arrives, faults.swallow_answer_to_next_command = not faults.swallow_answer_to_next_command, False
        return response, arrives

    def _settings(self, client_sap: int) -> ServerSettings:
        settings, memory = self._supply.settings, self._supply.memory
        if client_sap == PUBLIC_CLIENT:
            return ServerSettings(max_pdu=settings.max_pdu, conformance=SERVICES)
        memory.associations += 1
        return ServerSettings(
            mechanism=Mechanism.HLS_GMAC,
            title=settings.title,
            peer_title=settings.client_title,
            keys=self._faults.keys or settings.keys,
            challenge=_challenge(settings.seed, settings.number, memory.associations),
            counters=MeterOwnCounters(memory),
            max_pdu=settings.max_pdu,
            peer_counter_floor=memory.client_counter,
            conformance=SERVICES,
        )


def _challenge(seed: int, number: str, association: int) -> bytes:
    """Never the same twice, yet the same in every run of a seed. A real meter draws it."""
    return sha256(f"{seed} {number} {association}".encode()).digest()[:_CHALLENGE_OCTETS]


def _answer(connection: Connection) -> bytes | None:
    outgoing = connection.outgoing()
    assert len(outgoing) <= 1, "a server answers one APDU with one"
    return outgoing[0] if outgoing else None
