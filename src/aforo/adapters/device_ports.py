"""Simulated devices on real sockets: one TCP shell around any sans-I/O endpoint."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol, cast

from aforo.adapters.listening import listen_on
from aforo.dlms.errors import RemoteProtocolError

CONNECTIONS_MAX = 64
"""At one device at a time; more are closed at once."""


class DeviceConnection(Protocol):
    def receive(self, octets: bytes, now: datetime) -> None:
        """Raises RemoteProtocolError: this connection is to be closed, and no other."""
        ...

    def outgoing(self) -> bytes: ...

    def closed(self) -> None: ...


class Timed(Protocol):
    """Time is told to it, never asked for."""

    def next_deadline(self) -> datetime | None:
        """When `advance` has something to do; None: only after something was received."""
        ...

    def advance(self, now: datetime) -> None: ...


class DeviceEndpoint(Timed, Protocol):
    """A device as its socket sees it."""

    def connected(self) -> DeviceConnection: ...


class DeviceAlarm:
    """Advances a device at its deadlines. settle: called after each; it sets the alarm anew."""

    def __init__(self, endpoint: Timed, now: Callable[[], datetime], settle: Callable[[], None]) -> None:
        self._endpoint = endpoint
        self._now = now
        self._settle = settle
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        self.cancel()
        deadline = self._endpoint.next_deadline()
        if deadline is not None:
            wait = max(timedelta(0), deadline - self._now())
            self._timer = asyncio.get_running_loop().call_later(wait.total_seconds(), self._ring)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._endpoint.advance(self._now())
        self._settle()


class DevicePort:
    """One listening socket. After whatever happens, what any connection has to say is sent."""

    def __init__(self, endpoint: DeviceEndpoint, *, now: Callable[[], datetime]) -> None:
        self._endpoint = endpoint
        self._now = now
        self._links: dict[_DeviceLink, None] = {}
        self._server: asyncio.Server | None = None
        self._alarm = DeviceAlarm(endpoint, now, self._settle)

    async def listen(self, host: str, port: int) -> int:
        """The port listened on; 0 chooses a free one. Raises PortTaken."""
        listening = listen_on(host, port)
        chosen: int = listening.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(lambda: _DeviceLink(self), sock=listening)
        self._settle()
        return chosen

    async def close(self) -> None:
        self._alarm.cancel()
        for link in list(self._links):
            link.drop()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def admit(self, link: "_DeviceLink") -> DeviceConnection | None:
        if len(self._links) >= CONNECTIONS_MAX:
            return None
        self._links[link] = None
        return self._endpoint.connected()

    def received(self, link: "_DeviceLink", octets: bytes) -> None:
        assert link.connection is not None
        try:
            link.connection.receive(octets, self._now())
        except RemoteProtocolError:
            link.send()
            link.drop()
        self._settle()

    def left(self, link: "_DeviceLink") -> None:
        self._links.pop(link, None)
        if link.connection is not None:
            link.connection.closed()
            self._settle()

    def _settle(self) -> None:
        """Send what there is to be sent, and come back when the device next has something to do."""
        for link in list(self._links):
            link.send()
        self._alarm.set()


class _DeviceLink(asyncio.Protocol):
    def __init__(self, port: DevicePort) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self.connection: DeviceConnection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class
        self.connection = self._port.admit(self)
        if self.connection is None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.connection is not None:
            self._port.received(self, data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (the name is asyncio's)
        self._port.left(self)

    def send(self) -> None:
        if self.connection is None or self._transport is None:
            return
        octets = self.connection.outgoing()
        if octets and not self._transport.is_closing():
            self._transport.write(octets)

    def drop(self) -> None:
        """What was written before is still sent."""
        if self._transport is not None:
            with suppress(OSError):
                self._transport.close()
