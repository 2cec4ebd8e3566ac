"""Whole exchanges with the bench's meter: connect, associate by GMAC, SET, GET, release, over loopback."""

import asyncio
import socket
import time
from collections.abc import Generator

import uvloop

from aforo.app.codec_meter import AUTHENTICATION_KEY, ENCRYPTION_KEY, LIMITER
from aforo.app.settings import LOOPBACK
from aforo.dlms import (
    Associate,
    AssociationEstablished,
    Ciphering,
    ClientSettings,
    Connection,
    CounterRange,
    Event,
    GetRequest,
    GetResponse,
    Key,
    Keys,
    Mechanism,
    Release,
    Released,
    SetRequest,
    SetResponse,
    SystemTitle,
    data,
    wrapper,
)

CLIENT_TITLE = SystemTitle.from_hex("4845530000000001")
CONNECTIONS = 32
_KEYS = Keys(Key(ENCRYPTION_KEY), Key(AUTHENTICATION_KEY))
_SET = SetRequest(71, LIMITER, 4, data.u32(3300), high=True)
_GET = GetRequest(71, LIMITER, 4, high=True)
_EXPECTED: tuple[tuple[Event, type], ...] = (
    (Associate(), AssociationEstablished),
    (_SET, SetResponse),
    (_GET, GetResponse),
    (Release(), Released),
)


def conversation() -> Generator[bytes, bytes, None]:
    """Yields what is to be sent, and takes what comes back, frames of the wrapper."""
    connection = Connection(
        ClientSettings(
            mechanism=Mechanism.HLS_GMAC,
            title=CLIENT_TITLE,
            keys=_KEYS,
            challenge=b"K56iVagYK56iVagY",
            counters=CounterRange(1, 100),
            ciphering=Ciphering.GENERAL_GLO,
        )
    )
    reader = wrapper.WrapperReader()
    for event, expected in _EXPECTED:
        connection.send(event)
        told: Event | None = None
        while told is None:
            (apdu,) = connection.outgoing()
            frames = reader.feed((yield wrapper.encode(1, 1, apdu)))
            while not frames:
                frames = reader.feed((yield b""))
            told = connection.receive(frames[0].apdu)
        assert isinstance(told, expected), told


def blocking_us(port: int, count: int) -> float:
    """CPU microseconds per exchange, one connection after the other."""
    begin = time.process_time_ns()
    for _ in range(count):
        with socket.create_connection((LOOPBACK, port)) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk = conversation()
            sent = next(talk)
            try:
                while True:
                    if sent:
                        line.sendall(sent)
                    sent = talk.send(line.recv(4096))
            except StopIteration:
                continue
    return (time.process_time_ns() - begin) / count / 1000


class _Client(asyncio.Protocol):
    def __init__(self) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self._talk = conversation()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's transport writes
        self._transport.write(next(self._talk))  # type: ignore[union-attr]

    def data_received(self, received: bytes) -> None:
        assert self._transport is not None
        try:
            sent = self._talk.send(received)
        except StopIteration:
            self._transport.abort()
            self.ended.set_result(None)
        else:
            if sent:
                self._transport.write(sent)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionError("the meter hung up"))


def concurrent_us(port: int, count: int) -> float:
    """CPU microseconds per exchange, on CONNECTIONS connections at a time, with uvloop."""

    async def some(share: int) -> None:
        for _ in range(share):
            _, client = await asyncio.get_running_loop().create_connection(_Client, LOOPBACK, port)
            await client.ended

    async def every() -> None:
        await asyncio.gather(*(some(count // CONNECTIONS) for _ in range(CONNECTIONS)))

    begin = time.process_time_ns()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(every())
    return (time.process_time_ns() - begin) / (count // CONNECTIONS * CONNECTIONS) / 1000
