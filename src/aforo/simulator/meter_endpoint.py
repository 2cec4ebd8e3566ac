"""A direct meter's own TCP endpoint, without sockets: octets in, octets out (wrapper of IEC 62056-47)."""

from datetime import datetime

from aforo.dlms import wrapper
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
