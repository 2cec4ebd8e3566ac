"""Devices on the virtual network: each has an endpoint of the simulator, a path to it, and connections."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from aforo.dlms.errors import RemoteProtocolError
from aforo.simulator.device_endpoint import DeviceConnection, DeviceEndpoint


@dataclass(slots=True)
class Path:
    """The way to one device. one_way_s: its delay, from and to.   cuts: in how many places; what is under way waits.

    swallows: nothing passes, and nobody is told: a half-open connection.   loses: share of datagrams.
    """

    one_way_s: tuple[float, float] = (0.015, 0.08)
    cuts: int = 0
    swallows: bool = False
    loses: float = 0.0
    waiting: list[Callable[[], None]] = field(default_factory=list)

    @property
    def is_cut(self) -> bool:
        """Nothing passes."""
        return self.cuts > 0


class Link(Protocol):
    """A connection as the device's end of it sees it."""

    def send_from_device(self, octets: bytes) -> None: ...

    def close_from_device(self, why: Exception | None) -> None: ...

    def reset(self) -> None: ...


class Timed(Protocol):
    """Whose time it is, and who is told of what happens."""

    told: Callable[[str], None]
    now: Callable[[], datetime]

    def at(self, when: float, happens: Callable[..., None], *arguments: Any) -> asyncio.TimerHandle: ...

    def time(self) -> float: ...


class DeviceCrashed(Exception):
    """Raised from within a device at the very point at which it stops."""


class Device:
    """A device on the network: its endpoint may be made anew (a restart), its path may fail."""

    def __init__(self, name: str, medium: Timed, make: Callable[[], DeviceEndpoint]) -> None:
        self.name = name
        self.path = Path()
        self.is_up = True
        self.on_send: Callable[[str, bytes], None] = lambda *_: None
        self._medium = medium
        self._make = make
        self.endpoint = make()
        self._connections: dict[Link, DeviceConnection] = {}
        self._timer: asyncio.TimerHandle | None = None

    def took(self, connection: Link) -> None:
        self._connections[connection] = self.endpoint.connected()

    def received(self, connection: Link, octets: bytes) -> None:
        device_side = self._connections.get(connection)
        if device_side is None:
            return
        try:
            device_side.receive(octets, self._medium.now())
        except RemoteProtocolError:
            self._send(connection, device_side)
            connection.close_from_device(None)
            self.left(connection)
        except DeviceCrashed:
            self.crash()
        self.settle()

    def datagram(self, device_side: DeviceConnection, octets: bytes) -> bytes:
        if not self.is_up:
            return b""
        try:
            device_side.receive(octets, self._medium.now())
        except RemoteProtocolError:
            return b""
        return device_side.outgoing()

    def left(self, connection: Link) -> None:
        device_side = self._connections.pop(connection, None)
        if device_side is not None:
            device_side.closed()
            self.settle()

    def crash(self) -> None:
        """Its memory survives, if it has one: `make` builds on it."""
        self._medium.told(f"{self.name} crashes")
        self.is_up = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in list(self._connections):
            connection.close_from_device(ConnectionResetError(104, "Connection reset by peer"))
        self._connections.clear()

    def restart(self) -> None:
        if self.is_up:
            return
        self._medium.told(f"{self.name} is up again")
        self.endpoint = self._make()
        self.is_up = True
        self._advance()

    def reset_connections(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    def settle(self) -> None:
        if not self.is_up:
            return
        for connection, device_side in list(self._connections.items()):
            self._send(connection, device_side)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.endpoint.next_deadline()
        if deadline is not None:
            wait = max(timedelta(0), deadline - self._medium.now()).total_seconds()
            self._timer = self._medium.at(self._medium.time() + wait, self._advance)

    def _advance(self) -> None:
        self._timer = None
        try:
            self.endpoint.advance(self._medium.now())
        except DeviceCrashed:
            self.crash()
        self.settle()

    def _send(self, connection: Link, device_side: DeviceConnection) -> None:
        octets = device_side.outgoing()
        if octets:
            connection.send_from_device(octets)
