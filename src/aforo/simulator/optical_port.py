"""The local port of a simulated meter (interface I0): sign-on by IEC 62056-21 mode E, then HDLC, and back again."""

from datetime import datetime

from aforo.dlms.hdlc import Address
from aforo.dlms.mode_e import ChangeSpeed, Identification, ServerSignOn, SignedOn, Transmit
from aforo.simulator.concentrator_settings import MeterPort
from aforo.simulator.meter_endpoint import HdlcMeterConnection
from aforo.simulator.meter_objects import MANAGEMENT_DEVICE

IDENTIFICATION = Identification("AFO", 9600, "SIM-1.0")
_REQUEST_BEGINS, _REQUEST_ENDS = b"\xaf?", b"!\x8d\n"
"""Of a sign-on, with its even parity: whoever left in the middle of HDLC begins anew."""


class OpticalPort:
    """line: a new way to the meter.   speeds: those that it was asked to go over to.   signs_on: False speaks HDLC from
    the first octet on.
    """

    def __init__(
        self, line: MeterPort, *, number: str = "", signs_on: bool = True, physical_device: int | None = None
    ) -> None:
        self.speeds: list[int] = []
        self._line = line
        self._number = number
        self._station = Address(MANAGEMENT_DEVICE, physical_device)
        self._sign_on = self._new_sign_on()
        self._connection = None if signs_on else HdlcMeterConnection(line, self._station)
        self._outgoing = bytearray()

    def receive(self, octets: bytes, now: datetime) -> None:
        asked = octets.find(_REQUEST_BEGINS)
        if asked >= 0 and octets.endswith(_REQUEST_ENDS):  # ciphered octets may well look like its beginning alone
            octets, self._sign_on, self._connection = octets[asked:], self._new_sign_on(), None
        if self._connection is not None:
            self._connection.receive(octets, now)
            return
        self._sign_on.receive_octets(octets, now)
        while (event := self._sign_on.next_event()) is not None:
            match event:
                case Transmit():
                    self._outgoing += event.octets
                case ChangeSpeed():
                    self.speeds.append(event.speed)
                case SignedOn():
                    self._connection = HdlcMeterConnection(self._line, self._station)

    def outgoing(self) -> bytes:
        octets = bytes(self._outgoing) + (b"" if self._connection is None else self._connection.outgoing())
        self._outgoing.clear()
        return octets

    def next_deadline(self) -> datetime | None:
        return None if self._connection is None else self._connection.next_deadline()

    def advance(self, now: datetime) -> None:
        if self._connection is not None:
            self._connection.advance(now)

    def _new_sign_on(self) -> ServerSignOn:
        return ServerSignOn(IDENTIFICATION, device_address=self._number)
