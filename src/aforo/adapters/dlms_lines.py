"""TCP connections to DLMS ports, for the head-end: wrapper (IEC 62056-47) or HDLC, with the gateway prefix."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import cast

from aforo.adapters.dlms_frames import FRAMES_WAITING_MAX, DlmsFrame, dlms_frame
from aforo.adapters.hdlc_lines import HdlcLine, HdlcOctets
from aforo.dlms import gateway, wrapper
from aforo.dlms.errors import RemoteProtocolError
from aforo.domain.devices import Address, Framing
from aforo.engine.ports import LineSilent, LineUnavailable

CONNECT_WAIT_S = 10.0
"""A modem that has to attach first takes seconds (domain.md 3.4); beyond this it counts as absent."""


class _Link(asyncio.Protocol):
    """Octets in, frames out. `failure` is set once, when the connection is over or has broken the framing."""

    def __init__(self) -> None:
        self.frames: deque[DlmsFrame] = deque()
        self.failure: Exception | None = None
        self.arrived = asyncio.Event()
        self.transport: asyncio.Transport | None = None
        self._reader = wrapper.WrapperReader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class
        endpoint = transport.get_extra_info("socket")
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._reader.feed(data):
                self.frames.append(dlms_frame(frame.destination, frame.source, frame.apdu))
        except RemoteProtocolError as wrong:
            self.fail(wrong)
        if len(self.frames) > FRAMES_WAITING_MAX:
            self.fail(LineUnavailable("the device sent far more than it was asked for"))
        self.arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(LineUnavailable(f"the connection was lost: {exc}" if exc else "the device closed the connection"))

    def fail(self, failure: Exception) -> None:
        self.failure = self.failure or failure
        self.arrived.set()
        if self.transport is not None:
            self.transport.abort()


class DlmsLine:
    """One connection; see `aforo.engine.ports.Line`."""

    def __init__(self, link: _Link) -> None:
        self._link = link

    async def send(self, apdu: bytes, *, client_sap: int, server_sap: int, meter: str = "") -> None:
        if self._link.failure is not None:
            raise self._link.failure
        assert self._link.transport is not None
        routed = gateway.add_request(meter.encode("ascii"), apdu) if meter else apdu
        self._link.transport.write(wrapper.encode(client_sap, server_sap, routed))

    async def receive(self, wait_s: float) -> DlmsFrame:
        link = self._link
        if not link.frames and link.failure is None:
            link.arrived.clear()
            try:
                async with asyncio.timeout(max(0.0, wait_s)):
                    await link.arrived.wait()
            except TimeoutError:
                raise LineSilent(f"nothing within {wait_s:.1f} s") from None
        if link.frames:
            return link.frames.popleft()
        assert link.failure is not None, "woken by a frame or by the end"
        raise link.failure

    async def close(self) -> None:
        if self._link.transport is not None:
            self._link.transport.abort()


class DlmsLines:
    """Opens them, in the framing that the address tells; see `aforo.engine.ports.Lines`."""

    async def open(self, address: Address) -> DlmsLine | HdlcLine:
        if address.framing is Framing.HDLC:
            octets = HdlcOctets()
            await _connect(lambda: octets, address)
            return HdlcLine(octets)
        link = _Link()
        await _connect(lambda: link, address)
        return DlmsLine(link)


async def _connect(protocol: Callable[[], asyncio.Protocol], address: Address) -> None:
    """Raises LineUnavailable."""
    try:
        async with asyncio.timeout(CONNECT_WAIT_S):
            await asyncio.get_running_loop().create_connection(protocol, address.host, address.port)
    except TimeoutError:
        raise LineUnavailable(f"{address} did not accept a connection within {CONNECT_WAIT_S:.0f} s") from None
    except OSError as wrong:
        raise LineUnavailable(f"{address}: {wrong.strerror or wrong}") from wrong
    except UnicodeError as wrong:
        raise LineUnavailable(f"{address} is not the name of a host") from wrong
