"""TCP connections to devices that speak HDLC (IEC 62056-46), such as a meter behind a router that passes octets on."""

import asyncio
import socket
from collections import deque
from datetime import UTC, datetime
from typing import cast

from aforo.adapters.dlms_frames import FRAMES_WAITING_MAX, DlmsFrame, dlms_frame
from aforo.dlms import gateway
from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.hdlc import (
    Address,
    ApduReceived,
    ClientLinkSettings,
    Connected,
    Disconnected,
    HdlcLink,
    LinkEvent,
    LinkFailed,
    LinkParameters,
    LinkSilent,
    State,
)
from aforo.engine.ports import LineSilent, LineUnavailable

PARAMETERS = LinkParameters(
    information_max_transmit=512, information_max_receive=512, window_transmit=1, window_receive=7
)
"""Proposed; a device that takes less says so in its UA."""

LINK_WAIT_S = 30.0
"""Until a link stands: its own repetitions give up sooner."""


class HdlcOctets(asyncio.Protocol):
    """The octets of one connection, and the link that runs over it; one link at a time, of one client."""

    def __init__(self) -> None:
        self.events: deque[LinkEvent] = deque()
        self.arrived = asyncio.Event()
        self.failure: Exception | None = None
        self.link: HdlcLink | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class
        endpoint = transport.get_extra_info("socket")
        endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        if self.link is not None:
            self.link.receive_octets(data, now())
            self.settle()

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(LineUnavailable(f"the connection was lost: {exc}" if exc else "the device closed the connection"))

    def fail(self, failure: Exception) -> None:
        self.failure = self.failure or failure
        self.arrived.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()

    def settle(self) -> None:
        """Send what the link has to say, take what it tells, and come back at its next deadline."""
        assert self.link is not None
        assert self._transport is not None
        for frame in self.link.outgoing():
            self._transport.write(frame)
        while (event := self.link.next_event()) is not None:
            self.events.append(event)
            self.arrived.set()
        if len(self.events) > FRAMES_WAITING_MAX:
            self.fail(LineUnavailable("the device sent far more than it was asked for"))
        if self._timer is not None:
            self._timer.cancel()
        deadline = self.link.next_deadline()
        if deadline is not None and self.failure is None:
            wait = max(0.0, (deadline - now()).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(wait, self._fall_due)

    def _fall_due(self) -> None:
        assert self.link is not None
        self.link.handle_deadline(now())
        self.settle()


class HdlcLine:
    """See `aforo.engine.ports.Line`. Each client has a link of its own, so another client ends the one before."""

    def __init__(self, octets: HdlcOctets) -> None:
        self._octets = octets
        self._ends: tuple[int, int] | None = None

    async def send(self, apdu: bytes, *, client_sap: int, server_sap: int, meter: str = "") -> None:
        if self._octets.failure is not None:
            raise self._octets.failure
        link = self._octets.link
        if link is None or self._ends != (client_sap, server_sap) or link.state is not State.CONNECTED:
            link = await self._connect(client_sap, server_sap)
        routed = gateway.add_request(meter.encode("ascii"), apdu) if meter else apdu
        try:
            link.send_apdu(routed, now())
        except LocalProtocolError as wrong:
            raise LineUnavailable(f"the HDLC link takes nothing: {wrong}") from wrong
        self._octets.settle()

    async def _connect(self, client_sap: int, server_sap: int) -> HdlcLink:
        """Raises LineUnavailable: nothing of the APDU has left."""
        octets, self._ends = self._octets, (client_sap, server_sap)
        try:
            settings = ClientLinkSettings(client=Address(client_sap), server=Address(server_sap), parameters=PARAMETERS)
        except LocalProtocolError as wrong:
            raise LineUnavailable(f"no HDLC address: {wrong}") from wrong
        await self._end_link()
        octets.link = HdlcLink(settings)
        octets.link.connect(now())
        octets.settle()
        event = await self._event(LINK_WAIT_S)
        if not isinstance(event, Connected):
            raise LineUnavailable(f"no HDLC link: {_told(event)}")
        return octets.link

    async def _end_link(self) -> None:
        """A device serves one client at a time: the one before says goodbye, whether it is answered or not."""
        octets = self._octets
        octets.events.clear()
        if octets.link is not None and octets.link.state is State.CONNECTED:
            octets.link.disconnect(now())
            octets.settle()
            await self._event(LINK_WAIT_S)
            octets.events.clear()

    async def receive(self, wait_s: float) -> DlmsFrame:
        """A link that falls silent is silence: what was sent last may have arrived."""
        assert self._ends is not None, "nothing is received before something was sent"
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            event = await self._event(deadline - asyncio.get_running_loop().time())
            match event:
                case ApduReceived(apdu=apdu):
                    return dlms_frame(*self._ends, apdu)
                case LinkSilent():
                    raise LineSilent(event.detail)
                case LinkFailed() | Disconnected():
                    raise LineUnavailable(f"the HDLC link ended: {_told(event)}")

    async def _event(self, wait_s: float) -> LinkEvent:
        octets = self._octets
        if not octets.events and octets.failure is None:
            octets.arrived.clear()
            try:
                async with asyncio.timeout(max(0.0, wait_s)):
                    await octets.arrived.wait()
            except TimeoutError:
                raise LineSilent(f"nothing within {wait_s:.1f} s") from None
        if octets.events:
            return octets.events.popleft()
        assert octets.failure is not None, "woken by an event or by the end"
        raise octets.failure

    async def close(self) -> None:
        self._octets.fail(LineUnavailable("closed here"))


def now() -> datetime:
    """The loop's own clock, which no correction moves, as the moments that links count in."""
    return datetime.fromtimestamp(asyncio.get_running_loop().time(), UTC)


def _told(event: LinkEvent) -> str:
    match event:
        case LinkSilent():
            return event.detail
        case LinkFailed():
            return str(event.error)
        case Disconnected():
            return "the device ended it" if event.by_peer else "ended"
    return type(event).__name__
