"""What carries octets between the head-end and a device: TCP connections, and datagrams."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from aforo.simulation.mortal_process import MortalProcess
from aforo.simulation.virtual_device import Device, Path, Timed


class Medium(Timed, Protocol):
    chance: Random

    def delay(self, path: Path) -> float: ...


class Connection:
    """One TCP connection: two directions, in each the octets arrive in the order in which they were sent."""

    def __init__(
        self, medium: Medium, device: Device, process: MortalProcess | None, protocol: asyncio.BaseProtocol
    ) -> None:
        self.transport = _ClientTransport(self)
        self._medium = medium
        self._device = device
        self._process = process
        self._protocol = protocol
        self._last = {"up": 0.0, "down": 0.0}
        self._is_open = True
        if process is not None:
            process.open(self)

    def send_from_client(self, octets: bytes) -> None:
        if not self._is_open or not self._reach("before send"):
            return
        self._medium.told(f"to {self._device.name}: {octets.hex()}")
        self._device.on_send(self._device.name, octets)
        self._pass("down", lambda: self._device.received(self, octets))
        self._reach("after send")

    def send_from_device(self, octets: bytes) -> None:
        self._medium.told(f"from {self._device.name}: {octets.hex()}")
        self._pass("up", lambda: self._arrive(octets))

    def close_from_client(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self._forget()
        self._pass("down", lambda: self._device.left(self))
        self._medium.at(self._medium.time(), self._protocol.connection_lost, None)

    def close_from_device(self, why: Exception | None) -> None:
        self._pass("up", lambda: self._lost(why))

    def reset(self) -> None:
        """By something between the two: both ends hear of it at once."""
        self._device.left(self)
        self._lost(ConnectionResetError(104, "Connection reset by peer"))

    def process_died(self) -> None:
        """The kernel of its machine closes the connection."""
        if self._is_open:
            self._is_open = False
            self._pass("down", lambda: self._device.left(self))

    @property
    def is_open(self) -> bool:
        return self._is_open

    def _reach(self, point: str) -> bool:
        """False: the process is dead, and says nothing any more."""
        try:
            if self._process is not None:
                self._process.reach(point)
        except asyncio.CancelledError:
            return False
        return True

    def _pass(self, direction: str, arrive: Callable[[], None]) -> None:
        medium, path = self._medium, self._device.path
        if path.swallows:
            return
        when = max(self._last[direction], medium.time() + medium.delay(path))
        self._last[direction] = when
        medium.at(when, self._arrives, arrive)

    def _arrives(self, arrive: Callable[[], None]) -> None:
        path = self._device.path
        if path.is_cut:
            path.waiting.append(arrive)
        elif not path.swallows:
            arrive()

    def _arrive(self, octets: bytes) -> None:
        if self._is_open:
            assert isinstance(self._protocol, asyncio.Protocol)
            self._protocol.data_received(octets)

    def _lost(self, why: Exception | None) -> None:
        if self._is_open:
            self._is_open = False
            self._forget()
            self._protocol.connection_lost(why)

    def _forget(self) -> None:
        if self._process is not None:
            self._process.close(self)


class _Socket:
    """As far as the adapters set options of it."""

    def setsockopt(self, *_: object) -> None:
        """It has none."""


class _ClientTransport(asyncio.Transport):
    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._connection.send_from_client(bytes(data))

    def abort(self) -> None:
        self._connection.close_from_client()

    def close(self) -> None:
        self._connection.close_from_client()

    def is_closing(self) -> bool:
        return not self._connection.is_open

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return _Socket() if name == "socket" else default


class Datagrams:
    """A bound UDP port that speaks to one device: each datagram for itself, lost, doubled or late."""

    def __init__(
        self, medium: Medium, device: Device, process: MortalProcess | None, protocol: asyncio.BaseProtocol
    ) -> None:
        self.transport = _DatagramTransport(self)
        self._medium = medium
        self._device = device
        self._process = process
        self._protocol = protocol
        self._device_side = device.endpoint.connected()
        self._is_open = True
        if process is not None:
            process.open(self)

    def send(self, octets: bytes) -> None:
        try:
            if self._process is not None:
                self._process.reach("before send")
        except asyncio.CancelledError:
            return
        self._medium.told(f"to {self._device.name}, datagram: {octets.hex()}")
        self._device.on_send(self._device.name, octets)
        self._carry(lambda: self._deliver(octets))

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            if self._process is not None:
                self._process.close(self)
            self._medium.at(self._medium.time(), self._protocol.connection_lost, None)

    def process_died(self) -> None:
        self._is_open = False

    def _carry(self, arrive: Callable[[], None]) -> None:
        medium, path = self._medium, self._device.path
        if path.is_cut or path.swallows or medium.chance.random() < path.loses:
            return
        copies = 2 if medium.chance.random() < path.loses else 1
        for _ in range(copies):
            medium.at(medium.time() + medium.delay(path), arrive)

    def _deliver(self, octets: bytes) -> None:
        answer = self._device.datagram(self._device_side, octets)
        if answer:
            self._medium.told(f"from {self._device.name}, datagram: {answer.hex()}")
            self._carry(lambda: self._arrive(answer))

    def _arrive(self, octets: bytes) -> None:
        if self._is_open:
            assert isinstance(self._protocol, asyncio.DatagramProtocol)
            self._protocol.datagram_received(octets, ("", 0))


class _DatagramTransport(asyncio.DatagramTransport):
    def __init__(self, peer: Datagrams) -> None:
        super().__init__()
        self._peer = peer

    def sendto(self, data: Any, addr: Any = None) -> None:  # noqa: ARG002 (the name is asyncio's)
        self._peer.send(bytes(data))

    def abort(self) -> None:
        self._peer.close()

    def close(self) -> None:
        self._peer.close()

    def is_closing(self) -> bool:
        return False
