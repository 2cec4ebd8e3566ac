"""A direct meter's own port, without sockets: octets in, octets out, in the wrapper, in datagrams or in HDLC."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from aforo.dlms import wrapper
from aforo.dlms.errors import ProtocolError
from aforo.dlms.hdlc import Address, ApduReceived, Connected, HdlcLink, ServerLinkSettings, State
from aforo.simulator.concentrator_settings import MeterPort
from aforo.simulator.meter import Meter


class PortConnection(Protocol):
    """One connection, or one peer of datagrams. Whoever holds the socket writes `outgoing` after every call."""

    def receive(self, octets: bytes, now: datetime) -> None:
        """Raises RemoteProtocolError: this connection is to be closed, after what `outgoing` still holds."""
        ...

    def advance(self, now: datetime) -> None: ...

    def next_deadline(self) -> datetime | None: ...

    def outgoing(self) -> bytes:
        """Handed out once."""
        ...

    def closed(self) -> None: ...

    @property
    def is_closed(self) -> bool: ...


class MeterConnection:
    """A TCP connection in the wrapper; see `PortConnection`.

    apdu_max: octets; whoever sends longer ones speaks no DLMS with this meter.
    """

    def __init__(self, line: MeterPort, apdu_max: int) -> None:
        self._line = line
        self._reader = wrapper.WrapperReader(apdu_max=apdu_max)
        self._outgoing = bytearray()
        self.is_closed = False

    def receive(self, octets: bytes, now: datetime) -> None:
        for frame in self._reader.feed(octets):
            answer = self._line.respond(frame.source, frame.destination, frame.apdu, now)
            if answer is not None:
                self._outgoing += wrapper.encode(frame.destination, frame.source, answer)

    def advance(self, now: datetime) -> None:
        """Nothing falls due."""

    def next_deadline(self) -> datetime | None:
        return None

    def outgoing(self) -> bytes:
        octets = bytes(self._outgoing)
        self._outgoing.clear()
        return octets

    def closed(self) -> None:
        """The associations go with the connection; there is nothing to tell the meter."""
        self.is_closed = True


class DatagramMeterConnection:
    """One peer of a UDP port, a datagram at each call; see `PortConnection`. An error drops the datagram only."""

    def __init__(self, line: MeterPort, apdu_max: int) -> None:
        self._line = line
        self._apdu_max = apdu_max
        self._outgoing = b""
        self.is_closed = False

    def receive(self, octets: bytes, now: datetime) -> None:
        frame = wrapper.decode(octets, apdu_max=self._apdu_max)
        answer = self._line.respond(frame.source, frame.destination, frame.apdu, now)
        self._outgoing = b"" if answer is None else wrapper.encode(frame.destination, frame.source, answer)

    def advance(self, now: datetime) -> None:
        """Nothing falls due."""

    def next_deadline(self) -> datetime | None:
        return None

    def outgoing(self) -> bytes:
        """One datagram, or none."""
        octets, self._outgoing = self._outgoing, b""
        return octets

    def closed(self) -> None:
        """The associations go with the peer."""
        self.is_closed = True


class HdlcMeterConnection:
    """The secondary station at the meter's end of one connection or serial line; see `PortConnection`.

    Frames of 128 octets and a window of one, as most meters take.
    """

    def __init__(self, line: MeterPort, station: Address) -> None:
        self._link = HdlcLink(ServerLinkSettings(server=station))
        self._line = line
        self._logical_device = station.upper
        self._client = 0
        self.is_closed = False

    def receive(self, octets: bytes, now: datetime) -> None:
        self._link.receive_octets(octets, now)
        self._answer(now)

    def advance(self, now: datetime) -> None:
        self._link.handle_deadline(now)
        self._answer(now)

    def next_deadline(self) -> datetime | None:
        return self._link.next_deadline()

    def _answer(self, now: datetime) -> None:
        """What the standard has no answer for, or what cannot be sent, ends the link; the line goes on."""
        while (event := self._link.next_event()) is not None:
            if isinstance(event, Connected):
                self._client = event.peer.upper
            elif isinstance(event, ApduReceived) and self._link.state is State.CONNECTED:
                try:
                    answer = self._line.respond(self._client, self._logical_device, event.apdu, now)
                    if answer is not None:
                        self._link.send_apdu(answer, now)
                except ProtocolError:
                    self._link.disconnect(now)

    def outgoing(self) -> bytes:
        return b"".join(self._link.outgoing())

    def closed(self) -> None:
        """The link and its associations go with the connection."""
        self.is_closed = True


class MeterEndpoint:
    """Takes connections, each made by `connect` from a line of its own and the longest APDU that the meter takes.

    How many at once is for whoever holds the sockets to bound.
    """

    def __init__(
        self,
        meter: Meter,
        connect: Callable[[MeterPort, int], PortConnection] = MeterConnection,
        *,
        line_of: Callable[[Meter], MeterPort] = Meter.line,
    ) -> None:
        self._meter = meter
        self._connect = connect
        self._line_of = line_of
        self._connections: list[PortConnection] = []

    def connected(self) -> PortConnection:
        connection = self._connect(self._line_of(self._meter), 2 * self._meter.settings.max_pdu)
        self._connections = [one for one in self._connections if not one.is_closed]
        self._connections.append(connection)
        return connection

    def next_deadline(self) -> datetime | None:
        deadlines = (one.next_deadline() for one in self._connections if not one.is_closed)
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def advance(self, now: datetime) -> None:
        for connection in self._connections:
            connection.advance(now)
