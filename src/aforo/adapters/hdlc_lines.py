"""Lines that speak HDLC (IEC 62056-46): over TCP to a meter behind a router that passes octets on, or a serial port."""

import asyncio
from datetime import UTC, datetime
from typing import cast

from aforo.adapters.dlms_frames import Arrivals, DlmsFrame, dlms_frame
from aforo.dlms import gateway
from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.hdlc import (
    Address,
    ApduReceived,
    ClientLinkSettings,
    Connected,
    Disconnected,
    FrameRefused,
    HdlcLink,
    LinkEvent,
    LinkFailed,
    LinkParameters,
    LinkSilent,
    State,
    UnnumberedReceived,
)
from aforo.engine.ports import LineSilent, LineUnavailable

PARAMETERS = LinkParameters(
    information_max_transmit=512, information_max_receive=512, window_transmit=1, window_receive=7
)
"""Proposed; a device that takes less says so in its UA."""

ANSWER_WAIT_S = 3.0
"""For the end of the device's turn, on a line whose own speed does not matter."""

ATTEMPTS_MAX = 3
_ENDS = (Disconnected, LinkFailed, LinkSilent)


class HdlcOctets(asyncio.Protocol):
    """The octets of one connection, and the link that runs over it; one link at a time, of one client."""

    def __init__(self) -> None:
        self.arrivals: Arrivals[LinkEvent] = Arrivals()
        self.link: HdlcLink | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class

    def data_received(self, data: bytes) -> None:
        if self.link is not None:
            self.link.receive_octets(data, now())
            self.settle()

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(LineUnavailable(f"the connection was lost: {exc}" if exc else "the device closed the connection"))

    def fail(self, failure: Exception) -> None:
        self.arrivals.fail(failure)
        self._end()

    def hang_up(self) -> None:
        """The device is told, so that it takes the next client at once; whether it has heard is not waited for."""
        if self.link is not None and self.link.state is State.CONNECTED and self.arrivals.failure is None:
            self.link.disconnect(now())
            self.settle()
        self.arrivals.fail(LineUnavailable("closed here"))
        if self._timer is not None:
            self._timer.cancel()
        assert self._transport is not None, "closed after it was opened"
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    def settle(self) -> None:
        """Send what the link has to say, take what it tells, and come back at its next deadline."""
        assert self.link is not None
        assert self._transport is not None
        for frame in self.link.outgoing():
            self._transport.write(frame)
        while (event := self.link.next_event()) is not None:
            if not isinstance(event, FrameRefused):  # whoever sent it repeats what it finds missing
                self.arrivals.put(event)
        if self._timer is not None:
            self._timer.cancel()
        if self.arrivals.failure is not None:
            self._end()
            return
        deadline = self.link.next_deadline()
        if deadline is not None:
            wait = max(0.0, (deadline - now()).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(wait, self._fall_due)

    def _fall_due(self) -> None:
        assert self.link is not None
        self.link.handle_deadline(now())
        self.settle()

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()


class HdlcLine:
    """See `aforo.engine.ports.Line`. Each client has a link of its own, so another client ends the one before.

    physical_device: lower address of the device; None is for a line with one device, which then needs none.
    answer_wait_s: for the end of the device's turn, before what is missing is repeated.
    """

    def __init__(
        self, octets: HdlcOctets, *, physical_device: int | None = None, answer_wait_s: float = ANSWER_WAIT_S
    ) -> None:
        self._octets = octets
        self._answer_wait_s = answer_wait_s
        self._physical_device = physical_device
        self._ends: tuple[int, int] | None = None

    async def send(self, apdu: bytes, *, client_sap: int, server_sap: int, meter: str = "") -> None:
        if self._octets.arrivals.failure is not None:
            raise self._octets.arrivals.failure
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
        try:
            server = Address(server_sap, self._physical_device)
            settings = ClientLinkSettings(
                client=Address(client_sap),
                server=server,
                parameters=PARAMETERS,
                answer_wait_s=self._answer_wait_s,
                attempts_max=ATTEMPTS_MAX,
            )
        except LocalProtocolError as wrong:
            raise LineUnavailable(f"no HDLC address: {wrong}") from wrong
        await self._end_link()
        octets, self._ends = self._octets, (client_sap, server_sap)
        link = octets.link = HdlcLink(settings)
        link.connect(now())
        octets.settle()
        ended = await self._ended(Connected)
        if not isinstance(ended, Connected):
            raise LineUnavailable(f"no HDLC link: {_told(ended)}")
        return link

    async def _end_link(self) -> None:
        """A device serves one client at a time: the one before says goodbye, whether it is answered or not."""
        octets = self._octets
        if octets.link is not None and octets.link.state is State.CONNECTED:
            octets.arrivals.clear()
            octets.link.disconnect(now())
            octets.settle()
            await self._ended()
        octets.arrivals.clear()

    async def _ended(self, *wanted: type[LinkEvent]) -> LinkEvent:
        """The event that ends what was begun. Raises LineUnavailable.

        The link's own repetitions give up first, unless the device goes on telling something else.
        """
        deadline = asyncio.get_running_loop().time() + (ATTEMPTS_MAX + 1) * self._answer_wait_s
        try:
            while True:
                event = await self._octets.arrivals.take(deadline - asyncio.get_running_loop().time())
                if isinstance(event, (*_ENDS, *wanted)):
                    return event
        except LineSilent as silent:
            raise LineUnavailable(f"no HDLC link: {silent}") from silent

    async def receive(self, wait_s: float) -> DlmsFrame:
        """A link that falls silent is silence: what was sent last may have arrived."""
        assert self._ends is not None, "nothing is received before something was sent"
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            event = await self._octets.arrivals.take(deadline - asyncio.get_running_loop().time())
            match event:
                case ApduReceived(apdu=apdu) | UnnumberedReceived(apdu=apdu):
                    return dlms_frame(*self._ends, apdu)
                case LinkSilent():
                    raise LineSilent(event.detail)
                case LinkFailed() | Disconnected():
                    raise LineUnavailable(f"the HDLC link ended: {_told(event)}")

    async def close(self) -> None:
        self._octets.hang_up()


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
