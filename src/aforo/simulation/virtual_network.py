"""A network of one machine's thread: TCP connections with delays, cuts and resets, and datagrams that get lost.

What the production adapters ask of asyncio (`create_connection`, `create_datagram_endpoint`) the loop passes on to it.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from datetime import datetime
from random import Random
from typing import Any

from aforo.simulation.mortal_process import owner
from aforo.simulation.virtual_connections import Connection, Datagrams
from aforo.simulation.virtual_device import Device, Path

RESET_AFTER_S = 120.0
"""Whoever waits for a connection over a path that is cut looks again after so long."""


class Network:
    """now: the true time.   told: of what happens, for the trace."""

    def __init__(self, chance: Random, now: Callable[[], datetime], told: Callable[[str], None]) -> None:
        self.chance = chance
        self.now = now
        self.told = told
        self.loop: asyncio.AbstractEventLoop | None = None
        self._devices: dict[tuple[str, int], Device] = {}
        self._context = Context()

    def listen(self, host: str, port: int, device: Device) -> None:
        self._devices[host, port] = device

    async def connect(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Raises ConnectionRefusedError; waits for ever for a device that cannot be reached."""
        device = self._devices[host, port]
        while device.path.is_cut or device.path.swallows:  # noqa: ASYNC110 (the caller gives up sooner)
            await asyncio.sleep(RESET_AFTER_S)
        await asyncio.sleep(2 * self.delay(device.path))
        if not device.is_up:
            raise ConnectionRefusedError(111, "Connection refused")
        protocol = protocol_factory()
        connection = Connection(self, device, owner(), protocol)
        device.took(connection)
        protocol.connection_made(connection.transport)
        return connection.transport, protocol

    async def bind(
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[asyncio.DatagramTransport, asyncio.BaseProtocol]:
        device = self._devices[host, port]
        protocol = protocol_factory()
        peer = Datagrams(self, device, owner(), protocol)
        protocol.connection_made(peer.transport)
        return peer.transport, protocol

    def delay(self, path: Path) -> float:
        return self.chance.uniform(*path.one_way_s)

    def at(self, when: float, happens: Callable[..., None], *arguments: Any) -> asyncio.TimerHandle:
        """On behalf of nobody: neither of a process nor of a device."""
        assert self.loop is not None
        return self.loop.call_at(when, happens, *arguments, context=self._context)

    def time(self) -> float:
        assert self.loop is not None
        return self.loop.time()

    def heal(self, device: Device) -> None:
        """One cut is mended. What was under way when the path was cut arrives now, in its order, if it was the last."""
        device.path.cuts -= 1
        if device.path.is_cut:
            return
        waiting, device.path.waiting = device.path.waiting, []
        for arrive in waiting:
            arrive()
