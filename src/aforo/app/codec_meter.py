"""The one meter that every stack of the codec bench speaks to: a tolerant server, in a process of its own."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe

from aforo.adapters.listening import listen_on
from aforo.app.settings import LOOPBACK
from aforo.dlms import (
    Connection,
    CounterRange,
    Key,
    Keys,
    Mechanism,
    RemoteProtocolError,
    Request,
    ServerSettings,
    SystemTitle,
    data,
    wrapper,
)
from aforo.dlms.cosem.limiter import Limiter, LimiterState, Monitored
from aforo.dlms.counters import COUNTER_MAX
from aforo.dlms.dates import decode
from aforo.dlms.obis import obis
from aforo.dlms.server import Server

ENCRYPTION_KEY, AUTHENTICATION_KEY = bytes(range(16)), bytes(range(0xD0, 0xE0))
METER_TITLE = SystemTitle.from_hex("4146520000000001")
LIMITER = obis("0-0:17.0.0.255")
_POWER, _SCRIPTS = obis("1-0:1.7.0.255"), obis("0-0:10.0.106.255")
_TIME = decode(bytes.fromhex("07ea0b19030c000000000000"))


class Meter(asyncio.Protocol):
    """One connection, one association after the other. What it cannot read ends the connection."""

    def __init__(self) -> None:
        assert _TIME is not None, "it is wholly specified"
        time = _TIME
        state = LimiterState(threshold_normal=9900, threshold_emergency=9900, min_over_s=2, min_under_s=2)
        monitored = Monitored(3, _POWER, 2, data.DOUBLE_LONG_UNSIGNED, 100_000)
        self._server = Server([Limiter(LIMITER, state, monitored, time=lambda: time, script_table=_SCRIPTS)])
        self._connection = Connection(_settings())
        self._reader = wrapper.WrapperReader()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's transport writes and aborts

    def data_received(self, received: bytes) -> None:
        assert self._transport is not None
        try:
            for frame in self._reader.feed(received):
                event = self._connection.receive(frame.apdu)
                if isinstance(event, Request):
                    self._connection.send(self._server.answer(event))
                for apdu in self._connection.outgoing():
                    self._transport.write(wrapper.encode(frame.destination, frame.source, apdu))
        except RemoteProtocolError:
            self._transport.abort()


def _settings() -> ServerSettings:
    """The challenge is the same each time: nothing here is secret, and nothing is drawn."""
    return ServerSettings(
        mechanism=Mechanism.HLS_GMAC,
        title=METER_TITLE,
        keys=Keys(Key(ENCRYPTION_KEY), Key(AUTHENTICATION_KEY)),
        challenge=b"P6wRJ21FP6wRJ21F",
        counters=CounterRange(1, COUNTER_MAX),
    )


@contextmanager
def bench_meter() -> Iterator[int]:
    """Its port on loopback, as long as it is needed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        port: int = ours.recv()
        yield port
    finally:
        process.terminate()
        process.join()


def _serve(parent: Pipe) -> None:
    async def serve() -> None:
        listening = listen_on(LOOPBACK, 0)
        await asyncio.get_running_loop().create_server(Meter, sock=listening)
        parent.send(listening.getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(serve())
