"""Wrapper lines over UDP on real loopback sockets: one datagram per APDU, wrong ones dropped, silence is silence."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from aforo.adapters.device_datagrams import DatagramPort
from aforo.adapters.device_ports import CONNECTIONS_MAX
from aforo.adapters.dlms_frames import ARRIVALS_MAX
from aforo.adapters.dlms_lines import DlmsLines
from aforo.adapters.listening import listen_on
from aforo.adapters.wrapper_lines import WrapperDatagrams, WrapperLine
from aforo.dlms import wrapper
from aforo.domain.devices import Address, Framing
from aforo.engine.ports import LineSilent, LineUnavailable
from aforo.simulator.concentrator_settings import MeterPort
from aforo.simulator.meter_endpoint import DatagramMeterConnection, MeterEndpoint, PortConnection
from unit.simulator.driven_meter import NOON, a_meter

HOST = "127.0.0.1"
GET = bytes.fromhex("c001c100470000110000ff0400")
"""Without an association a meter answers it with an exception-response, tag D8."""


class Device(asyncio.DatagramProtocol):
    """Answers each datagram by those that `reply` makes of it."""

    reply: Callable[[bytes], list[bytes]]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        for answer in self.reply(data):
            self.transport.sendto(answer, addr)


async def open_line(port: int) -> WrapperLine:
    line = await DlmsLines().open(Address(HOST, port, framing=Framing.UDP))
    assert isinstance(line, WrapperLine)
    return line


@asynccontextmanager
async def line_to(reply: Callable[[bytes], list[bytes]]) -> AsyncIterator[WrapperLine]:
    kind = type("Answering", (Device,), {"reply": staticmethod(reply)})
    listening = listen_on(HOST, 0, socket.SOCK_DGRAM)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(kind, sock=listening)
    line = await open_line(listening.getsockname()[1])
    try:
        yield line
    finally:
        await line.close()
        transport.abort()


def turned(datagram: bytes) -> bytes:
    frame = wrapper.decode(datagram)
    return wrapper.encode(frame.destination, frame.source, frame.apdu[::-1])


async def test_one_datagram_goes_and_one_comes() -> None:
    async with line_to(lambda datagram: [turned(datagram)]) as line:
        for apdu in (b"\xc0\x01\xc1", bytes(range(1, 250)) * 200):
            await line.send(apdu, client_sap=16, server_sap=1)
            frame = await line.receive(5)
            assert (frame.apdu, frame.client_sap, frame.server_sap) == (apdu[::-1], 16, 1)


async def test_a_datagram_with_a_wrong_header_is_dropped_and_the_line_goes_on() -> None:
    def reply(datagram: bytes) -> list[bytes]:
        half_a_prefix = wrapper.encode(1, 1, b"\xe7\x00\x09M")
        return [b"\x00\x02" + datagram[2:], datagram[:-1], b"", b"noise", half_a_prefix, turned(datagram)]

    async with line_to(reply) as line:
        await line.send(b"\xc0\x01", client_sap=1, server_sap=1)
        assert (await line.receive(5)).apdu == b"\x01\xc0"


async def test_no_datagram_is_silence_and_not_loss() -> None:
    async with line_to(lambda _: [b"noise"]) as line:
        await line.send(b"\xc0", client_sap=1, server_sap=1)
        with pytest.raises(LineSilent):
            await line.receive(0.05)


async def test_a_port_where_nobody_listens_is_unavailable() -> None:
    free = listen_on(HOST, 0, socket.SOCK_DGRAM)
    line = await open_line(free.getsockname()[1])
    free.close()
    await line.send(b"\xc0", client_sap=1, server_sap=1)
    with pytest.raises(LineUnavailable):
        await line.receive(5)
    with pytest.raises(LineUnavailable):
        await line.send(b"\xc0", client_sap=1, server_sap=1)


async def test_a_peer_that_floods_us_loses_the_line_behind_what_was_taken() -> None:
    carrier = WrapperDatagrams()
    for _ in range(ARRIVALS_MAX + 1):
        carrier.datagram_received(wrapper.encode(1, 1, b"\xc0"), (HOST, 1))

    line = WrapperLine(carrier)
    for _ in range(ARRIVALS_MAX):
        assert (await line.receive(5)).apdu == b"\xc0"
    with pytest.raises(LineUnavailable, match="far more"):
        await line.receive(5)


async def test_a_simulated_meter_answers_each_peer_for_itself_and_forgets_the_oldest() -> None:
    made: list[PortConnection] = []

    def connect(line: MeterPort, apdu_max: int) -> PortConnection:
        made.append(DatagramMeterConnection(line, apdu_max))
        return made[-1]

    port = DatagramPort(MeterEndpoint(a_meter(), connect), now=lambda: NOON)
    number = await port.listen(HOST, 0)
    lines = [await open_line(number) for _ in range(CONNECTIONS_MAX + 1)]  # open at once: a port is not used again
    try:
        for line in lines:
            await line.send(GET, client_sap=1, server_sap=1)
            assert (await line.receive(5)).apdu[:1] == b"\xd8"
        assert [one.is_closed for one in made] == [True] + [False] * CONNECTIONS_MAX
    finally:
        for line in lines:
            await line.close()
        await port.close()
    assert all(one.is_closed for one in made)
