"""A direct meter's own TCP endpoint, without sockets: octets in, octets out, in the wrapper or in HDLC."""

from datetime import datetime

from aforo.dlms import wrapper
from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from aforo.dlms.hdlc import Address, ApduReceived, Connected, HdlcLink, LinkParameters, ServerLinkSettings, State
from aforo.simulator.meter import Meter
from aforo.simulator.meter_line import MeterLine


class MeterConnection:
    """One TCP connection. Whoever holds the socket writes `outgoing` after every `receive`.

    apdu_max: octets; whoever sends longer ones speaks no DLMS with this meter.
    """

    def __init__(self, line: MeterLine, *, apdu_max: int) -> None:
        self._line = line
        self._reader = wrapper.WrapperReader(apdu_max=apdu_max)
        self._outgoing = bytearray()

    def receive(self, octets: bytes, now: datetime) -> None:
        """Raises RemoteProtocolError: this connection is to be closed, after what `outgoing` still holds."""
        for frame in self._reader.feed(octets):
            answer = self._line.respond(frame.source, frame.destination, frame.apdu, now)
            if answer is not None:
                self._outgoing += wrapper.encode(frame.destination, frame.source, answer)

    def outgoing(self) -> bytes:
        """Handed out once."""
        octets = bytes(self._outgoing)
        self._outgoing.clear()
        return octets

    def closed(self) -> None:
        """The associations go with the connection; there is nothing to tell the meter."""


class MeterEndpoint:
    """Takes connections; a meter does nothing by itself that must be told."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def connected(self) -> MeterConnection:
        return MeterConnection(self._meter.line(), apdu_max=2 * self._meter.settings.max_pdu)

    def next_deadline(self) -> datetime | None:
        return None

    def advance(self, now: datetime) -> None:
        """Nothing falls due."""


CONNECTIONS_MAX = 64
_HDLC_SERVER = Address(1)
_INFORMATION_MAX = 128
"""Octets of one frame, as most meters take."""


class HdlcMeterConnection:
    """The secondary station at the meter's end of one TCP connection."""

    def __init__(self, line: MeterLine) -> None:
        parameters = LinkParameters(
            information_max_transmit=_INFORMATION_MAX, information_max_receive=_INFORMATION_MAX,
            window_transmit=1, window_receive=1,
        )  # fmt: skip
        self._link = HdlcLink(ServerLinkSettings(server=_HDLC_SERVER, parameters=parameters))
        self._line = line
        self._client = 0

    def receive(self, octets: bytes, now: datetime) -> None:
        """Raises RemoteProtocolError: this connection is to be closed, after what `outgoing` still holds."""
        self._link.receive_octets(octets, now)
        self._answer(now)

    def advance(self, now: datetime) -> None:
        self._link.handle_deadline(now)
        self._answer(now)

    def next_deadline(self) -> datetime | None:
        return self._link.next_deadline()

    def _answer(self, now: datetime) -> None:
        while (event := self._link.next_event()) is not None:
            if isinstance(event, Connected):
                self._client = event.peer.upper
            elif isinstance(event, ApduReceived) and self._link.state is State.CONNECTED:
                answer = self._line.respond(self._client, _HDLC_SERVER.upper, event.apdu, now)
                if answer is not None:
                    self._send(answer, now)

    def _send(self, answer: bytes, now: datetime) -> None:
        try:
            self._link.send_apdu(answer, now)
        except LocalProtocolError as wrong:
            raise RemoteProtocolError(
                ErrorCode.UNEXPECTED_APDU, f"the link does not take an answer: {wrong}"
            ) from wrong

    def outgoing(self) -> bytes:
        """Handed out once."""
        return b"".join(self._link.outgoing())

    def closed(self) -> None:
        """The link and its associations go with the connection."""


class HdlcMeterEndpoint:
    """Takes connections, and keeps the time of each one's link."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._connections: list[HdlcMeterConnection] = []

    def connected(self) -> HdlcMeterConnection:
        connection = HdlcMeterConnection(self._meter.line())
        self._connections.append(connection)
        del self._connections[:-CONNECTIONS_MAX]
        return connection

    def next_deadline(self) -> datetime | None:
        deadlines = (connection.next_deadline() for connection in self._connections)
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def advance(self, now: datetime) -> None:
        for connection in self._connections:
            connection.advance(now)
