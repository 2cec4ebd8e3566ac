"""The local port of a simulated device as a serial port of this machine: a pseudo-terminal with a path."""

import asyncio
import os
import tty
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from aforo.adapters.device_ports import DeviceAlarm, Timed

READ_OCTETS = 4096


class LocalPort(Timed, Protocol):
    def receive(self, octets: bytes, now: datetime) -> None: ...

    def outgoing(self) -> bytes: ...


class PseudoSerial:
    """path: for whoever wants to speak to the device; it stays while nobody does. A speed means nothing here."""

    def __init__(self, port: LocalPort, *, now: Callable[[], datetime]) -> None:
        self._port = port
        self._now = now
        self._alarm = DeviceAlarm(port, now, self._settle)
        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        self.path = os.ttyname(self._near)
        os.set_blocking(self._far, False)
        asyncio.get_running_loop().add_reader(self._far, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._far)
        self._alarm.cancel()
        for handle in (self._far, self._near):
            os.close(handle)

    def _read(self) -> None:
        self._port.receive(os.read(self._far, READ_OCTETS), self._now())
        self._settle()

    def _settle(self) -> None:
        """What the near end does not read is lost, as light is that nobody sees."""
        octets = self._port.outgoing()
        if octets:
            with suppress(BlockingIOError):
                os.write(self._far, octets)
        self._alarm.set()
