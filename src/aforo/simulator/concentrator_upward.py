"""A concentrator's side of one TCP connection: its own logical device, and the gateway to its meters."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Protocol

from aforo.dclink import codec
from aforo.dclink.board_client import REQUEST_OCTETS
from aforo.dclink.messages import ItemResult
from aforo.dclink.order_board import LOGICAL_NAME, Board, OrderBoard, portions
from aforo.dlms import acse, data, gateway, wrapper, xdlms
from aforo.dlms.connection import Connection
from aforo.dlms.cosem.association_ln import AssociationFacts, AssociationLn
from aforo.dlms.cosem.data_object import DataObject
from aforo.dlms.cosem.sap_assignment import SapAssignment
from aforo.dlms.cosem.security_setup import SecuritySetup
from aforo.dlms.errors import ErrorCode, RemoteProtocolError
from aforo.dlms.events import (
    AssociationEstablished,
    DataNotification,
    Event,
    ExceptionResponse,
    Released,
    Request,
)
from aforo.dlms.obis import obis
from aforo.dlms.server import CosemObject, Server, reply_octets
from aforo.dlms.settings import Mechanism, ServerSettings
from aforo.simulator.concentrator_line import Relay
from aforo.simulator.concentrator_settings import ConcentratorMemory, ConcentratorSettings, OwnCounters, Unreachable

MANAGEMENT_DEVICE, PUBLIC_CLIENT = 1, 16
ASSOCIATION = obis("0-0:40.0.0.255")
SAP_ASSIGNMENT = obis("0-0:41.0.0.255")
DEVICE_NAME = obis("0-0:42.0.0.255")
SECURITY_SETUP = obis("0-0:43.0.0.255")
INVOCATION_COUNTER = obis("0-0:43.1.1.255")
_GATEWAY_FAILED = xdlms.encode_exception(ExceptionResponse(1, 1))
"""service-not-allowed, operation-not-possible: what a head-end hears of a meter that is not to be had."""

NAME_OCTETS_MAX = 16
"""Of a logical device name."""

_LONG_INVOKE_IDS = 1 << 24


class Hub(Protocol):
    """The concentrator behind all its connections."""

    settings: ConcentratorSettings
    memory: ConcentratorMemory
    chance: Random
    is_down: bool
    logical_devices: Mapping[int, str]

    def advance(self, now: datetime) -> None: ...

    def relay(self, relay: Relay) -> bool: ...

    def board(self, connection: "ConcentratorConnection") -> Board: ...

    def leave(self, connection: "ConcentratorConnection") -> None: ...


class ConcentratorConnection:
    """One TCP connection. Whoever holds the socket writes `outgoing` after whatever happens to the concentrator.

    now: of the latest call, for what is decided during it.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._reader = wrapper.WrapperReader(apdu_max=hub.settings.max_pdu + REQUEST_OCTETS)
        self._outgoing = bytearray()
        self._associations: dict[int, Connection] = {}
        self._servers: dict[int, Server] = {}
        self._max_pdu = 0
        self._pushes = 0
        self._is_open = True
        self._now: datetime | None = None

    @property
    def now(self) -> datetime:
        assert self._now is not None, "something was received"
        return self._now

    def receive(self, octets: bytes, now: datetime) -> None:
        """Raises RemoteProtocolError: this connection is to be closed, after what `outgoing` still holds."""
        self._now = now
        if self._hub.is_down:
            return
        for frame in self._reader.feed(octets):
            prefix, apdu = gateway.take(frame.apdu)
            if prefix is None:
                self._answer(frame)
            else:
                self._relay(frame, prefix, apdu)
        self._hub.advance(now)

    def outgoing(self) -> bytes:
        """Handed out once."""
        octets = b"" if self._hub.is_down else bytes(self._outgoing)
        self._outgoing.clear()
        return octets

    def closed(self) -> None:
        self._is_open = False
        self._hub.leave(self)

    def push(self, results: Sequence[ItemResult]) -> None:
        """As many in one data-notification as the head-end's longest APDU holds."""
        connection = self._associations.get(self._hub.settings.client_sap)
        if connection is None or not connection.is_associated:
            return
        room = (self._max_pdu or 0xFFFF) - REQUEST_OCTETS
        for portion in portions([codec.encode_result(result) for result in results], room):
            self._pushes = (self._pushes + 1) % _LONG_INVOKE_IDS
            connection.send(DataNotification(self._pushes, b"", codec.encode_push(LOGICAL_NAME, portion)))
        self._send(connection, MANAGEMENT_DEVICE, self._hub.settings.client_sap)

    def _relay_to_device(self, frame: wrapper.WrapperFrame, meter: str) -> None:
        """The meter as a logical device of this port: no prefix, and silence where the meter is silent."""

        def answer(heard: bytes | None) -> None:
            if heard is not None and self._is_open:
                self._outgoing += wrapper.encode(frame.destination, frame.source, heard)

        if meter in self._hub.memory.table:
            server_sap = self._hub.memory.table[meter].access.server_sap
            self._hub.relay(Relay(meter, frame.source, server_sap, frame.apdu, answer))

    def _answer(self, frame: wrapper.WrapperFrame) -> None:
        client, meter = frame.source, self._hub.logical_devices.get(frame.destination)
        if meter is not None:
            self._relay_to_device(frame, meter)
            return
        if frame.destination != MANAGEMENT_DEVICE or client not in (self._hub.settings.client_sap, PUBLIC_CLIENT):
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"no client {client} of device {frame.destination} here")
        connection = self._association(client, frame.apdu)
        try:
            event = connection.receive(frame.apdu)
            self._note_counter(client, connection)
            self._handle(client, connection, event)
        except RemoteProtocolError:
            self._note_counter(client, connection)
            answers = self._send(connection, frame.destination, client)
            if not answers:
                raise
        else:
            self._send(connection, frame.destination, client)

    def _association(self, client: int, apdu: bytes) -> Connection:
        connection = self._associations.get(client)
        if connection is None or apdu[:1] == bytes((acse.AARQ,)):
            connection = self._associations[client] = Connection(self._settings(client))
            self._end(client)
        return connection

    def _settings(self, client: int) -> ServerSettings:
        settings, memory = self._hub.settings, self._hub.memory
        if client == PUBLIC_CLIENT:
            return ServerSettings()
        return ServerSettings(
            mechanism=Mechanism.HLS_GMAC,
            title=settings.title,
            peer_title=settings.client_title,
            keys=settings.keys,
            challenge=self._hub.chance.randbytes(16),
            counters=OwnCounters(memory),
            max_pdu=settings.max_pdu,
            peer_counter_floor=memory.client_counter,
        )

    def _note_counter(self, client: int, connection: Connection) -> None:
        memory = self._hub.memory
        if client != PUBLIC_CLIENT and connection.peer_counter > memory.client_counter:
            memory.client_counter = connection.peer_counter

    def _handle(self, client: int, connection: Connection, event: Event | None) -> None:
        match event:
            case AssociationEstablished():
                self._servers[client] = self._server(client, event)
            case Released():
                self._end(client)
            case request if isinstance(request, Request):
                connection.send(self._servers[client].answer(request))

    def _end(self, client: int) -> None:
        """The session ends with the association that opened it."""
        self._servers.pop(client, None)
        if client != PUBLIC_CLIENT:
            self._hub.leave(self)

    def _server(self, client: int, established: AssociationEstablished) -> Server:
        settings, memory = self._hub.settings, self._hub.memory
        name = settings.name.encode("ascii")
        is_public = client == PUBLIC_CLIENT
        objects: list[CosemObject] = [
            DataObject(INVOCATION_COUNTER, lambda: data.u32(max(0, memory.client_counter))),
            DataObject(DEVICE_NAME, lambda: data.octets(name)),
            SapAssignment(SAP_ASSIGNMENT, {MANAGEMENT_DEVICE: name, **self._device_names()}),
        ]
        room = max(0, (established.max_pdu or 0xFFFF) - REQUEST_OCTETS)
        if not is_public:
            self._max_pdu = established.max_pdu
            security = SecuritySetup(SECURITY_SETUP, suite=0, client=established.peer_title, server=settings.title)
            objects += [security, OrderBoard(self._hub.board(self), reply_octets=room)]
        facts = AssociationFacts(
            client_sap=client,
            server_sap=MANAGEMENT_DEVICE,
            mechanism=Mechanism.NONE if is_public else Mechanism.HLS_GMAC,
            conformance=established.conformance,
            max_receive=settings.max_pdu,
            max_send=established.max_pdu,
        )
        objects.append(AssociationLn(ASSOCIATION, facts, objects, read_only=is_public))
        return Server(objects, read_only=is_public, reply_octets=reply_octets(established))

    def _device_names(self) -> dict[int, bytes]:
        devices = self._hub.logical_devices.items()
        return {sap: number.encode("ascii", "replace")[-NAME_OCTETS_MAX:] for sap, number in devices}

    def _relay(self, frame: wrapper.WrapperFrame, prefix: gateway.Gateway, apdu: bytes) -> None:
        """The prefix names the meter by its number; the answer comes back under the same, and the same points."""
        meter = prefix.address.decode("ascii", "replace")

        def answer(heard: bytes | None) -> None:
            if heard is None and self._hub.settings.unreachable is Unreachable.EXCEPTION:
                heard = _GATEWAY_FAILED
            if heard is not None and self._is_open:
                routed = gateway.add_response(prefix.address, heard, network=prefix.network)
                self._outgoing += wrapper.encode(frame.destination, frame.source, routed)

        is_known = not prefix.is_response and meter in self._hub.memory.table
        if not is_known or not self._hub.relay(Relay(meter, frame.source, frame.destination, apdu, answer)):
            answer(None)

    def _send(self, connection: Connection, device: int, client: int) -> int:
        """How many APDUs."""
        outgoing = connection.outgoing()
        for apdu in outgoing:
            self._outgoing += wrapper.encode(device, client, apdu)
        return len(outgoing)
