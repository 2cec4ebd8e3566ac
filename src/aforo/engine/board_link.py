"""The head-end's connection to one concentrator's order board: requests, pushes, and waiting for what comes next."""

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass

from aforo.dclink import board_client
from aforo.dclink.messages import ItemResult
from aforo.dlms.events import Request, Response
from aforo.domain.causes import Cause
from aforo.domain.devices import Concentrator
from aforo.engine.device_link import DeviceLink, LinkTarget, SharedLine
from aforo.engine.headend_ports import HeadEndPorts
from aforo.engine.ports import Frame, LineSilent, LineUnavailable
from aforo.engine.session_room import SessionRoom
from aforo.flow.device_client import DeviceAccess, DeviceClient, DeviceLost

APDU_MAX = 16_384
"""Octets that we accept in one APDU: about 100 results."""


@dataclass(frozen=True, slots=True)
class BoardCalls:
    """What may end a session's waiting. wake: set by whoever commits an order for its lane.   room: of all sessions."""

    wake: asyncio.Event
    room: SessionRoom


class BoardLink:
    """Every call raises DeviceLost when the concentrator is gone."""

    def __init__(self, ports: HeadEndPorts, concentrator: Concentrator, calls: BoardCalls) -> None:
        self._ports = ports
        self._concentrator = concentrator
        self._wake = calls.wake
        self._room = calls.room
        self._line = SharedLine(ports.lines, concentrator.address)
        target = LinkTarget(
            device=f"concentrator:{concentrator.number}",
            address=concentrator.address,
            unavailable=Cause.CONCENTRATOR_UNREACHABLE,
        )
        wait = ports.settings.answer_wait
        self._link = DeviceLink(target, self._line, ledger=ports.ledger, clock=ports.clock, answer_wait=wait)
        self._client: DeviceClient | None = None
        self.is_poll_due = False
        self._was_busy = False
        self._polled_at = 0.0

    @property
    def client(self) -> DeviceClient:
        assert self._client is not None, "associate first"
        return self._client

    @property
    def max_pdu(self) -> int:
        return self.client.max_pdu

    async def associate(self) -> None:
        address, security = self._concentrator.address, self._concentrator.security
        access = DeviceAccess(
            own_title=self._ports.settings.title,
            keys=self._ports.keys_of(security),
            title=self._ports.title_of(security),
            client_sap=address.client_sap,
            server_sap=address.server_sap,
            max_pdu=APDU_MAX,
        )
        self._client = DeviceClient(access, challenge=self._ports.challenge)
        await self._link.drive(self._client.associate())

    async def ask(self, request: Request) -> Response:
        response, _ = await self._link.drive(self.client.ask(request))
        return response

    def pushed(self) -> list[ItemResult]:
        """Results that came unasked since the last call. Raises RemoteProtocolError for any other notification."""
        notifications, self.client.notifications = self.client.notifications, []
        return [result for notification in notifications for result in board_client.read_push(notification)]

    async def happening(self, *, busy: bool) -> bool:
        """Wait for a push, a wake-up or the time to poll; False when idle for `linger`, or idle and in the way.

        busy: orders are out, so it is time to ask every now and then (`is_poll_due`), however much comes for others.
        """
        settings, now = self._ports.settings, asyncio.get_running_loop().time()
        if not (busy and self._was_busy):
            self._polled_at = now
        self._was_busy = busy
        poll_wait_s = self._polled_at + settings.poll_every.total_seconds() - now
        self.is_poll_due = busy and poll_wait_s <= 0
        if self.is_poll_due:
            self._polled_at = now
            return True
        if self.client.notifications or self._wake.is_set():
            self._wake.clear()
            return True
        if not busy and self._room.is_wanted:
            return False
        try:
            with nullcontext() if busy else self._room.idle(self._wake):
                frame = await self._frame_or_wake(poll_wait_s if busy else settings.linger.total_seconds())
        except LineUnavailable as lost:
            raise DeviceLost(Cause.CONCENTRATOR_UNREACHABLE, str(lost)) from lost
        except LineSilent:
            self.is_poll_due = busy
            self._polled_at = asyncio.get_running_loop().time()
            return busy
        if frame is not None:
            self.client.take_unasked(frame.apdu)
        return True

    async def _frame_or_wake(self, wait_s: float) -> Frame | None:
        """None: woken."""
        line = await self._line.get()
        hearing = asyncio.ensure_future(line.receive(wait_s))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait((hearing, waking), return_when=asyncio.FIRST_COMPLETED)
            if hearing.done():
                return hearing.result()
            self._wake.clear()
            return None
        finally:
            hearing.cancel()
            waking.cancel()

    async def release(self) -> None:
        await self._link.drive(self.client.release())

    async def close(self) -> None:
        await self._line.drop()
