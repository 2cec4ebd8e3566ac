"""Lines to a local meter over a pty pair: signed on and not, silent, of another kind, unplugged, in use."""

import asyncio
import os
import termios
from pathlib import Path

import pytest

from aforo.adapters.hdlc_lines import HdlcLine
from aforo.adapters.local_lines import LocalLines
from aforo.adapters.serial_port import UNSENT_OCTETS_MAX, SerialTransport, open_serial_port
from aforo.dlms.mode_e import ClientSignOnSettings
from aforo.domain.devices import Address, Framing
from aforo.engine.ports import LineUnavailable
from unit.adapters.local_meter import IDENTIFICATION, LocalMeter, local_meter
from unit.simulator.driven_meter import a_meter

GET = bytes.fromhex("c001c100470000110000ff0400")
"""Without an association a meter answers it with an exception-response, tag D8."""

QUICK = ClientSignOnSettings(answer_wait_s=0.05, confirmation_wait_s=0.0, reaction_s=0.0, settle_s=0.0, attempts_max=1)
FAST = ClientSignOnSettings(reaction_s=0.0, settle_s=0.0)


def place(meter: LocalMeter, *, physical_device: int | None = None) -> Address:
    return Address(meter.port, 0, 1, 1, Framing.HDLC, physical_device)


async def ask(line: HdlcLine) -> bytes:
    await line.send(GET, client_sap=1, server_sap=1)
    return (await line.receive(5)).apdu


async def test_a_meter_is_signed_on_and_spoken_to_in_hdlc_at_the_speed_that_both_have() -> None:
    lines = LocalLines(FAST)
    with local_meter(a_meter()) as meter:
        line = await lines.open(place(meter))
        try:
            assert (await ask(line))[:1] == b"\xd8"
        finally:
            await line.close()
    assert (lines.identification, lines.speed, meter.speeds) == (IDENTIFICATION, 9600, [9600])


async def test_a_line_that_was_left_is_signed_on_anew() -> None:
    lines = LocalLines(FAST)
    with local_meter(a_meter()) as meter:
        for _ in range(2):
            line = await lines.open(place(meter))
            assert (await ask(line))[:1] == b"\xd8"
            await line.close()
    assert len(meter.speeds) == 2


async def test_a_line_without_a_sign_on_speaks_hdlc_at_once_to_the_device_that_is_named() -> None:
    lines = LocalLines(19200)
    with local_meter(a_meter(), signs_on=False, physical_device=17) as meter:
        line = await lines.open(place(meter, physical_device=17))
        try:
            assert (await ask(line))[:1] == b"\xd8"
        finally:
            await line.close()
    assert (lines.identification, lines.speed) == (None, 19200)


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (b"", "no device answered 1 requests"),
        (b"/XMX5LGBBFFB231096081\r\n", "offers no HDLC"),
        (b"/what is this\r\n", "no identification"),
    ],
)
async def test_a_port_without_such_a_meter_is_unavailable_and_free_again(says: bytes, why: str) -> None:
    with local_meter(a_meter()) as meter:
        meter.says = says
        for _ in range(2):
            with pytest.raises(LineUnavailable, match=why):
                await LocalLines(QUICK).open(place(meter))


async def test_a_port_that_is_lost_ends_the_line() -> None:
    with local_meter(a_meter()) as meter:
        line = await LocalLines(FAST).open(place(meter))
        assert await ask(line)
        meter.hang_up()
        with pytest.raises(LineUnavailable, match="lost"):
            await line.receive(5)
        await line.close()


async def test_a_port_that_is_lost_ends_the_sign_on() -> None:
    with local_meter(a_meter()) as meter:
        opening = asyncio.ensure_future(LocalLines(FAST).open(place(meter)))
        await asyncio.sleep(0)
        meter.hang_up()
        with pytest.raises(LineUnavailable, match="lost"):
            await opening


async def test_what_is_no_free_serial_port_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with local_meter(a_meter()) as meter:
        taken = open_serial_port(meter.port)
        for path, why in (
            (str(tmp_path / "file"), "no serial port"),
            (str(tmp_path / "nothing"), "No such file"),
            (meter.port, "in use"),
        ):
            with pytest.raises(LineUnavailable, match=why):
                await LocalLines(FAST).open(Address(path, 0))
        os.close(taken)


async def test_a_speed_that_the_port_does_not_have_is_unavailable() -> None:
    with local_meter(a_meter()) as meter:
        with pytest.raises(LineUnavailable, match="cannot do 1234 Bd"):
            await LocalLines(1234).open(place(meter))
        os.close(open_serial_port(meter.port))


async def test_a_port_is_put_to_the_speed_and_passes_octets_as_they_are() -> None:
    with local_meter(a_meter()) as meter:
        transport = SerialTransport(open_serial_port(meter.port), asyncio.Protocol())
        transport.change_speed(4800)
        handle = os.open(meter.port, os.O_RDONLY | os.O_NOCTTY)
        incoming, outgoing, control, local, *speeds, _ = termios.tcgetattr(handle)
        os.close(handle)
        transport.abort()
    assert (incoming, outgoing, local, speeds) == (0, 0, 0, [termios.B4800, termios.B4800])
    assert control & (termios.CSIZE | termios.PARENB) == termios.CS8


async def test_a_port_that_takes_nothing_does_not_fill_the_memory() -> None:
    far, near = os.openpty()
    lost: list[Exception | None] = []

    class Told(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            lost.append(exc)

    transport = SerialTransport(open_serial_port(os.ttyname(near)), Told())
    transport.change_speed(9600)
    for _ in range(64):
        transport.write(bytes(UNSENT_OCTETS_MAX // 16))
    await asyncio.sleep(0)
    assert transport.is_closing()
    assert [str(why) for why in lost] == ["the port does not send what it is given"]
    for handle in (far, near):
        os.close(handle)
