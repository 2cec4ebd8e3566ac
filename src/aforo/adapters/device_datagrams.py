"""Simulated devices on real UDP ports: each peer has a connection of its own at the device."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

from aforo.adapters.device_ports import CONNECTIONS_MAX, DeviceAlarm, DeviceConnection, DeviceEndpoint
from aforo.adapters.listening import listen_on
from aforo.dlms.errors import RemoteProtocolError


class DatagramPort(asyncio.DatagramProtocol):
    """What is no frame is dropped. Of more than CONNECTIONS_MAX peers the one longest not heard is forgotten.

    What is said to a peer goes where that was last heard from.
    """

    def __init__(self, endpoint: DeviceEndpoint, *, now: Callable[[], datetime]) -> None:
        self._endpoint = endpoint
        self._now = now
        self._peers: dict[Any, DeviceConnection] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._alarm = DeviceAlarm(endpoint, now, self._settle)

    async def listen(self, host: str, port: int) -> int:
        """The port listened on; 0 chooses a free one. Raises PortTaken."""
        listening = listen_on(host, port, socket.SOCK_DGRAM)
        chosen: int = listening.getsockname()[1]
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=listening)
        return chosen

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # uvloop's is one in all but its class

    def datagram_received(self, data: bytes, addr: Any) -> None:
        connection = self._peers.pop(addr, None) or self._endpoint.connected()
        self._peers[addr] = connection
        if len(self._peers) > CONNECTIONS_MAX:
            self._peers.pop(next(iter(self._peers))).closed()
        with suppress(RemoteProtocolError):
            connection.receive(data, self._now())
        self._settle()

    def _settle(self) -> None:
        assert self._transport is not None
        for addr, connection in self._peers.items():
            octets = connection.outgoing()
            if octets and not self._transport.is_closing():
                self._transport.sendto(octets, addr)
        self._alarm.set()

    async def close(self) -> None:
        self._alarm.cancel()
        if self._transport is not None:
            self._transport.abort()
        for connection in self._peers.values():
            connection.closed()
