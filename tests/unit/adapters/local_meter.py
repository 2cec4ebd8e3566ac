"""A simulated meter at the far end of a pty: sign-on as a meter does it, then HDLC, and back after it was left."""

import asyncio
import os
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from aforo.adapters.hdlc_lines import now
from aforo.dlms.hdlc import Address
from aforo.dlms.mode_e import ChangeSpeed, Identification, ServerSignOn, SignedOn, Transmit
from aforo.simulator.meter import Meter
from aforo.simulator.meter_endpoint import HdlcMeterConnection
from unit.simulator.driven_meter import NOON

IDENTIFICATION = Identification("AFO", 9600, "SIM-1.0")


class LocalMeter:
    """port: path of the near end.   speeds: those that it went over to.   says: instead of all that, when it is set."""

    def __init__(self, meter: Meter, *, signs_on: bool = True, physical_device: int | None = None) -> None:
        self.speeds: list[int] = []
        self.says: bytes | None = None
        self._meter = meter
        self._station = Address(1, physical_device)
        self._sign_on = ServerSignOn(IDENTIFICATION)
        self._connection = None if signs_on else self._connected()
        self._far, near = os.openpty()
        tty.setraw(near)
        self.port = os.ttyname(near)
        self._near = near
        asyncio.get_running_loop().add_reader(self._far, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._far)
        for handle in (self._far, self._near):
            os.close(handle)

    def hang_up(self) -> None:
        """The near end loses its port."""
        asyncio.get_running_loop().remove_reader(self._far)
        os.close(self._far)
        self._far = os.open(os.devnull, os.O_RDONLY)

    def _connected(self) -> HdlcMeterConnection:
        return HdlcMeterConnection(self._meter.line(), self._station)

    def _read(self) -> None:
        octets = os.read(self._far, 4096)
        if self.says is not None:
            os.write(self._far, self.says)
            return
        asked = octets.find(b"\xaf?")
        if asked >= 0 and octets.endswith(b"!\x8d\n"):  # ciphered octets may well look like its beginning alone
            octets, self._sign_on, self._connection = octets[asked:], ServerSignOn(IDENTIFICATION), None
        if self._connection is None:
            self._signing_on(octets, now())
        else:
            self._connection.receive(octets, NOON)
            os.write(self._far, self._connection.outgoing())

    def _signing_on(self, octets: bytes, at: datetime) -> None:
        self._sign_on.receive_octets(octets, at)
        while (event := self._sign_on.next_event()) is not None:
            match event:
                case Transmit():
                    os.write(self._far, event.octets)
                case ChangeSpeed():
                    self.speeds.append(event.speed)
                case SignedOn():
                    self._connection = self._connected()


@contextmanager
def local_meter(meter: Meter, *, signs_on: bool = True, physical_device: int | None = None) -> Iterator[LocalMeter]:
    at_the_port = LocalMeter(meter, signs_on=signs_on, physical_device=physical_device)
    try:
        yield at_the_port
    finally:
        at_the_port.close()
