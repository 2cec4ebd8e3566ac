"""A simulated meter's local port at the far end of a pty, which can also say something else, or be pulled out."""

import asyncio
import os
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from aforo.adapters.hdlc_lines import now
from aforo.simulator.meter import Meter
from aforo.simulator.meter_line import MeterLine
from aforo.simulator.optical_port import IDENTIFICATION, OpticalPort
from unit.simulator.driven_meter import NOON

__all__ = ["IDENTIFICATION", "LocalMeter", "local_meter"]


class _AtNoon:
    """The line to a meter for which it is NOON, whatever the time of its port."""

    def __init__(self, line: MeterLine) -> None:
        self._line = line

    def respond(self, client_sap: int, server_sap: int, apdu: bytes, now: datetime) -> bytes | None:
        return self._line.respond(client_sap, server_sap, apdu, NOON)


class LocalMeter:
    """port: path of the near end.   speeds: those that it went over to.   says: instead of all that, when it is set."""

    def __init__(self, meter: Meter, *, signs_on: bool = True, physical_device: int | None = None) -> None:
        self.says: bytes | None = None
        self._optical = OpticalPort(_AtNoon(meter.line()), signs_on=signs_on, physical_device=physical_device)
        self._far, near = os.openpty()
        tty.setraw(near)
        self.port = os.ttyname(near)
        self._near = near
        asyncio.get_running_loop().add_reader(self._far, self._read)

    @property
    def speeds(self) -> list[int]:
        return self._optical.speeds

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._far)
        for handle in (self._far, self._near):
            os.close(handle)

    def hang_up(self) -> None:
        """The near end loses its port."""
        asyncio.get_running_loop().remove_reader(self._far)
        os.close(self._far)
        self._far = os.open(os.devnull, os.O_RDONLY)

    def _read(self) -> None:
        octets = os.read(self._far, 4096)
        if self.says is not None:
            os.write(self._far, self.says)
            return
        self._optical.receive(octets, now())
        os.write(self._far, self._optical.outgoing())


@contextmanager
def local_meter(meter: Meter, *, signs_on: bool = True, physical_device: int | None = None) -> Iterator[LocalMeter]:
    at_the_port = LocalMeter(meter, signs_on=signs_on, physical_device=physical_device)
    try:
        yield at_the_port
    finally:
        at_the_port.close()
