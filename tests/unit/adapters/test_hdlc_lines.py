"""HDLC lines on real loopback sockets: links per client, segments, silence told apart from loss."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from aforo.adapters.dlms_lines import DlmsLines
from aforo.adapters.hdlc_lines import HdlcLine, now
from aforo.adapters.listening import listen_on
from aforo.dlms.hdlc import Address as HdlcAddress
from aforo.dlms.hdlc import ApduReceived, HdlcLink, ServerLinkSettings, State
from aforo.domain.devices import Address, Framing
from aforo.engine.ports import LineSilent, LineUnavailable

HOST = "127.0.0.1"


class Device(asyncio.Protocol):
    """A secondary station that answers each APDU by `reply`; None: it says nothing."""

    reply: Callable[[bytes], bytes | None] = staticmethod(lambda apdu: apdu[::-1])
    heard: list[bytes]
    station: HdlcAddress
    noise: bytes

    def __init__(self) -> None:
        self.link = HdlcLink(ServerLinkSettings(server=self.station, reply_wait_s=0.01))
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        self.link.receive_octets(data, now())
        while (event := self.link.next_event()) is not None:
            if isinstance(event, ApduReceived):
                self.heard.append(event.apdu)
                answer = self.reply(event.apdu)
                if answer == b"hang up":
                    self.transport.abort()
                elif answer is not None:
                    self.link.send_apdu(answer, now())
        for frame in self.link.outgoing():
            self.transport.write(self.noise + frame)


@asynccontextmanager
async def line_to(
    reply: Callable[[bytes], bytes | None], *, physical_device: int | None = None, noise: bytes = b""
) -> AsyncIterator[tuple[HdlcLine, list[bytes]]]:
    heard: list[bytes] = []
    given = {"reply": staticmethod(reply), "heard": heard, "station": HdlcAddress(1, physical_device), "noise": noise}
    kind = type("Answering", (Device,), given)
    listening = listen_on(HOST, 0)
    server = await asyncio.get_running_loop().create_server(kind, sock=listening)
    port = listening.getsockname()[1]
    line = await DlmsLines().open(Address(HOST, port, framing=Framing.HDLC, physical_device=physical_device))
    assert isinstance(line, HdlcLine)
    try:
        yield line, heard
    finally:
        await line.close()
        server.close()


async def test_apdus_go_and_come_in_as_many_frames_as_they_need() -> None:
    async with line_to(lambda apdu: apdu[::-1]) as (line, heard):
        for apdu in (b"\xc0\x01\xc1", bytes(range(1, 256)) * 8):
            await line.send(apdu, client_sap=16, server_sap=1)
            frame = await line.receive(5)
            assert (frame.apdu, frame.client_sap, frame.server_sap, frame.meter) == (apdu[::-1], 16, 1, "")
        assert [len(apdu) for apdu in heard] == [3, 2040]


async def test_each_client_has_a_link_of_its_own() -> None:
    async with line_to(lambda apdu: apdu) as (line, heard):
        for client in (16, 1, 16):
            await line.send(b"\xc0" + bytes((client,)), client_sap=client, server_sap=1)
            assert (await line.receive(5)).client_sap == client
        assert heard == [b"\xc0\x10", b"\xc0\x01", b"\xc0\x10"]


async def test_the_prefix_of_a_gateway_goes_inside_hdlc_too() -> None:
    async with line_to(lambda apdu: b"\xe7" + apdu[1:]) as (line, heard):
        await line.send(b"\xc0\x01", client_sap=1, server_sap=1, meter="M-1")
        frame = await line.receive(5)
        assert (frame.meter, frame.apdu) == ("M-1", b"\xc0\x01")
        assert heard == [b"\xe6\x00\x03M-1\xc0\x01"]


async def test_a_device_that_says_nothing_is_silent_and_one_that_hangs_up_is_lost() -> None:
    async with line_to(lambda _: None) as (line, _):
        await line.send(b"\xc0", client_sap=1, server_sap=1)
        with pytest.raises(LineSilent):
            await line.receive(0.05)
    async with line_to(lambda _: b"hang up") as (line, _):
        await line.send(b"\xc0", client_sap=1, server_sap=1)
        with pytest.raises(LineUnavailable):
            await line.receive(5)
        with pytest.raises(LineUnavailable):
            await line.send(b"\xc0", client_sap=1, server_sap=1)


async def test_an_address_that_hdlc_does_not_have_is_told_and_nothing_is_sent() -> None:
    async with line_to(lambda apdu: apdu) as (line, heard):
        with pytest.raises(LineUnavailable, match="HDLC address"):
            await line.send(b"\xc0", client_sap=5000, server_sap=1)
        assert heard == []


async def test_a_device_that_shares_its_line_is_called_by_its_physical_device_too() -> None:
    async with line_to(lambda apdu: apdu, physical_device=200) as (line, heard):
        await line.send(b"\xc0", client_sap=1, server_sap=1)
        assert (await line.receive(5)).apdu == b"\xc0"
        assert heard == [b"\xc0"]


async def test_noise_before_each_frame_is_passed_over() -> None:
    async with line_to(lambda apdu: apdu, noise=b"\x55\x7e\xa0\x00\xff") as (line, heard):
        for client in (16, 1):
            await line.send(b"\xc0", client_sap=client, server_sap=1)
            assert (await line.receive(5)).client_sap == client
        assert heard == [b"\xc0", b"\xc0"]


async def test_a_line_that_is_closed_tells_the_device_so_that_it_takes_the_next_client_at_once() -> None:
    ended = asyncio.Event()

    class Leaving(Device):
        reply = staticmethod(lambda apdu: apdu)
        station, noise = HdlcAddress(1), b""

        def __init__(self) -> None:
            super().__init__()
            self.heard = []

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.heard and self.link.state is State.DISCONNECTED:
                ended.set()

    listening = listen_on(HOST, 0)
    server = await asyncio.get_running_loop().create_server(Leaving, sock=listening)
    line = await DlmsLines().open(Address(HOST, listening.getsockname()[1], framing=Framing.HDLC))
    await line.send(b"\xc0", client_sap=1, server_sap=1)
    assert (await line.receive(5)).apdu == b"\xc0"
    await line.close()
    async with asyncio.timeout(5):
        await ended.wait()
    with pytest.raises(LineUnavailable, match="closed here"):
        await line.send(b"\xc0", client_sap=1, server_sap=1)
    server.close()
