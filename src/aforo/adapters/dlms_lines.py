"""Lines to devices, for the head-end, in the framing that their address tells."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aforo.adapters.hdlc_lines import HdlcLine, HdlcOctets
from aforo.adapters.wrapper_lines import WrapperDatagrams, WrapperLine, WrapperStream
from aforo.domain.devices import Address, Framing
from aforo.engine.ports import LineUnavailable

CONNECT_WAIT_S = 10.0
"""A modem that has to attach first takes seconds (domain.md 3.4); beyond this it counts as absent."""

P = TypeVar("P", bound=asyncio.Protocol)
T = TypeVar("T")


class DlmsLines:
    """See `aforo.engine.ports.Lines`."""

    async def open(self, address: Address) -> WrapperLine | HdlcLine:
        match address.framing:
            case Framing.WRAPPER:
                return WrapperLine(await _connected(WrapperStream, address))
            case Framing.UDP:
                return WrapperLine(await _bound(address))
            case Framing.HDLC:
                return HdlcLine(await _connected(HdlcOctets, address), physical_device=address.physical_device)


async def _connected(protocol: Callable[[], P], address: Address) -> P:
    """Raises LineUnavailable."""
    loop = asyncio.get_running_loop()
    transport, made = await _within(loop.create_connection(protocol, address.host, address.port), address)
    endpoint = transport.get_extra_info("socket")
    endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return made


async def _bound(address: Address) -> WrapperDatagrams:
    """Raises LineUnavailable. That it can be bound says nothing about the device."""
    loop = asyncio.get_running_loop()
    remote = (address.host, address.port)
    return (await _within(loop.create_datagram_endpoint(WrapperDatagrams, remote_addr=remote), address))[1]


async def _within(connecting: Awaitable[T], address: Address) -> T:
    """Raises LineUnavailable."""
    try:
        async with asyncio.timeout(CONNECT_WAIT_S):
            return await connecting
    except TimeoutError:
        raise LineUnavailable(f"{address} did not accept a connection within {CONNECT_WAIT_S:.0f} s") from None
    except OSError as wrong:
        raise LineUnavailable(f"{address}: {wrong.strerror or wrong}") from wrong
    except UnicodeError as wrong:
        raise LineUnavailable(f"{address} is not the name of a host") from wrong
