"""Lines to a meter at a serial port of this machine (interface I0): mode E sign-on where it is needed, then HDLC."""

import asyncio
from typing import cast

from aforo.adapters.hdlc_lines import ANSWER_WAIT_S, PARAMETERS, HdlcLine, HdlcOctets, now
from aforo.adapters.serial_port import SerialTransport, open_serial_port
from aforo.dlms.mode_e import (
    ChangeSpeed,
    ClientSignOn,
    ClientSignOnSettings,
    Identification,
    Identified,
    SignedOn,
    SignOnEvent,
    SignOnFailed,
    SignOnSilent,
    Transmit,
)
from aforo.domain.devices import Address
from aforo.engine.ports import LineUnavailable

_CHARACTER_BITS = 10
_FRAME_OVERHEAD_OCTETS = 17


class LocalLines:
    """See `aforo.engine.ports.Lines`. host of an address: the path of the port; its TCP port means nothing here.

    sign_on: or the speed of a line that speaks HDLC from the first octet on.   identification, speed: of the line
    that was opened last; no identification without a sign-on.
    """

    def __init__(self, sign_on: ClientSignOnSettings | int) -> None:
        self.identification: Identification | None = None
        self.speed: int | None = None
        self._sign_on = sign_on

    async def open(self, address: Address) -> HdlcLine:
        try:
            handle = open_serial_port(address.host)
        except OSError as wrong:
            raise LineUnavailable(f"{address.host}: {wrong.strerror or wrong}") from wrong
        if isinstance(self._sign_on, int):
            speed, octets = self._sign_on, HdlcOctets()
            _change_speed(SerialTransport(handle, octets), speed)
        else:
            signing = _SigningOn(self._sign_on)
            transport = SerialTransport(handle, signing)
            try:
                speed = await signing.run()
            except BaseException:
                transport.abort()
                raise
            self.identification, octets = signing.identification, HdlcOctets()
            transport.set_protocol(octets)
        self.speed = speed
        return HdlcLine(octets, physical_device=address.physical_device, answer_wait_s=_answer_wait_s(speed))


class _SigningOn(asyncio.Protocol):
    """Drives the sign-on by its events and deadlines, which bound how long it takes."""

    def __init__(self, settings: ClientSignOnSettings) -> None:
        self.identification: Identification | None = None
        self._sign_on = ClientSignOn(settings)
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._transport: SerialTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> int:
        """The speed agreed on. Raises LineUnavailable."""
        self._sign_on.start(now())
        self._settle()
        try:
            return await self._ended
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(SerialTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._sign_on.receive_octets(data, now())
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the port was lost: {exc}" if exc else "closed here")

    def _settle(self) -> None:
        while (event := self._sign_on.next_event()) is not None:
            try:
                self._carry_out(event)
            except OSError as wrong:
                self._fail(str(wrong))
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._sign_on.next_deadline()
        if deadline is not None and not self._ended.done():
            wait = max(0.0, (deadline - now()).total_seconds())
            self._timer = asyncio.get_running_loop().call_later(wait, self._fall_due)

    def _fall_due(self) -> None:
        self._sign_on.handle_deadline(now())
        self._settle()

    def _carry_out(self, event: SignOnEvent) -> None:
        assert self._transport is not None, "made before the sign-on begins"
        match event:
            case Transmit():
                self._transport.write(event.octets)
            case ChangeSpeed():
                self._transport.change_speed(event.speed)
            case Identified():
                self.identification = event.identification
            case SignedOn() if not self._ended.done():
                self._ended.set_result(event.speed)
            case SignOnFailed():
                self._fail(str(event.error))
            case SignOnSilent():
                self._fail(event.detail)

    def _fail(self, why: str) -> None:
        if not self._ended.done():
            self._ended.set_exception(LineUnavailable(f"no sign-on: {why}"))


def _change_speed(transport: SerialTransport, speed: int) -> None:
    """Raises LineUnavailable."""
    try:
        transport.change_speed(speed)
    except OSError as wrong:
        transport.abort()
        raise LineUnavailable(str(wrong)) from wrong


def _answer_wait_s(speed: int) -> float:
    """A slow line needs long for our frame and for theirs, before anything can be missed."""
    longest = max(PARAMETERS.information_max_transmit, PARAMETERS.information_max_receive) + _FRAME_OVERHEAD_OCTETS
    return ANSWER_WAIT_S + 2 * longest * _CHARACTER_BITS / speed
