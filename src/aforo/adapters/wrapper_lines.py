"""Lines whose APDUs go in the wrapper (IEC 62056-47): a TCP connection, or a UDP port and one datagram per APDU."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import cast

from aforo.adapters.dlms_frames import Arrivals, DlmsFrame, dlms_frame
from aforo.dlms import gateway, wrapper
from aforo.dlms.errors import RemoteProtocolError
from aforo.dlms.wrapper import WrapperFrame
from aforo.engine.ports import LineUnavailable


class WrapperCarrier(ABC):
    """What carries the frames of one line. After a failure nothing goes out any more."""

    def __init__(self) -> None:
        self.arrivals: Arrivals[DlmsFrame] = Arrivals()

    @abstractmethod
    def write(self, frame: bytes) -> None: ...

    @abstractmethod
    def abort(self) -> None: ...

    def take(self, frame: WrapperFrame) -> None:
        self.arrivals.put(dlms_frame(frame.destination, frame.source, frame.apdu))
        if self.arrivals.failure is not None:
            self.abort()

    def fail(self, failure: Exception) -> None:
        self.arrivals.fail(failure)
        self.abort()


class WrapperStream(WrapperCarrier, asyncio.Protocol):
    """A TCP connection; it ends with the first octets that break the framing."""

    def __init__(self) -> None:
        super().__init__()
        self._transport: asyncio.Transport | None = None
        self._reader = wrapper.WrapperReader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._reader.feed(data):
                self.take(frame)
        except RemoteProtocolError as wrong:
            self.fail(wrong)

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(LineUnavailable(f"the connection was lost: {exc}" if exc else "the device closed the connection"))

    def write(self, frame: bytes) -> None:
        assert self._transport is not None, "written to once it is connected"
        self._transport.write(frame)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class WrapperDatagrams(WrapperCarrier, asyncio.DatagramProtocol):
    """A UDP socket connected to the device. What is no frame is dropped: anybody can send under the device's address.

    A datagram that is lost either way is silence. That nothing listens there (ICMP) is told only after something was
    sent, so it says nothing about what was sent before.
    """

    def __init__(self) -> None:
        super().__init__()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 (the name is asyncio's)
        with suppress(RemoteProtocolError):  # of the wrapper, or of a gateway's prefix
            self.take(wrapper.decode(data))

    def error_received(self, exc: Exception) -> None:
        self.fail(LineUnavailable(f"datagrams do not reach the device: {exc}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(LineUnavailable(f"the socket was lost: {exc}" if exc else "closed here"))

    def write(self, frame: bytes) -> None:
        assert self._transport is not None, "written to once it is bound"
        self._transport.sendto(frame)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class WrapperLine:
    """See `aforo.engine.ports.Line`."""

    def __init__(self, carrier: WrapperCarrier) -> None:
        self._carrier = carrier

    async def send(self, apdu: bytes, *, client_sap: int, server_sap: int, meter: str = "") -> None:
        if self._carrier.arrivals.failure is not None:
            raise self._carrier.arrivals.failure
        routed = gateway.add_request(meter.encode("ascii"), apdu) if meter else apdu
        self._carrier.write(wrapper.encode(client_sap, server_sap, routed))

    async def receive(self, wait_s: float) -> DlmsFrame:
        return await self._carrier.arrivals.take(wait_s)

    async def close(self) -> None:
        self._carrier.fail(LineUnavailable("closed here"))
