"""A DLMS/COSEM meter server that is not ours: an independent second implementation, for tests.

As a context manager it serves in a thread of its own on the loopback address::

    with IndependentMeter(encryption_key, authentication_key, behaviour=Behaviour(scaler=1)) as meter:
        ...  # point the head-end at 127.0.0.1, meter.port
    assert meter.threshold == 250
    assert meter.faults == []

As a program: ``python tests/peers/independent_meter.py --help``. TCP wrapper of IEC 62056-47, client SAP 1
with HLS-GMAC and suite 0, client SAP 16 without security. It is strict: whatever the client does against
the standard stands in ``faults``, in words.
"""

import argparse
import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peers.independent_association import Association, Device, HangUp
from peers.independent_bytes import Keys
from peers.independent_objects import MANAGEMENT, PUBLIC, Behaviour, Number, Refusal, Seen

HOST = "127.0.0.1"
TITLE = bytes.fromhex("494e440000000001")
_HEADER = 8


class Connection:
    """One TCP connection: octets in, octets out. Each client SAP has its own association on it."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._pending = b""
        self._associations: dict[int, Association] = {}

    def feed(self, data: bytes) -> bytes:
        """What to send back, possibly nothing yet. ``HangUp`` when the connection is to be closed."""
        self._pending += data
        replies = []
        while (frame := self._next_frame()) is not None:
            client, apdu = frame
            association = self._associations.setdefault(client, Association(self._device, client))
            reply = association.answer(apdu)
            if reply is not None:
                replies.append(self._wrap(client, reply))
        return b"".join(replies)

    def _next_frame(self) -> tuple[int, bytes] | None:
        if len(self._pending) < _HEADER:
            return None
        fields = [int.from_bytes(self._pending[at : at + 2], "big") for at in range(0, _HEADER, 2)]
        version, source, destination, length = fields
        if version != 1:
            self._hang_up(f"wrapper version {version}")
        if source not in {MANAGEMENT, PUBLIC}:
            self._hang_up(f"client SAP {source} is not known")
        if destination != self._device.behaviour.server_sap:
            self._hang_up(f"server SAP {destination} is not this one")
        if not 0 < length <= 2 * self._device.behaviour.max_pdu:
            self._hang_up(f"wrapper length {length}")
        if len(self._pending) < _HEADER + length:
            return None
        apdu, self._pending = self._pending[_HEADER : _HEADER + length], self._pending[_HEADER + length :]
        return source, apdu

    def _hang_up(self, sentence: str) -> NoReturn:
        self._device.fault(sentence)
        raise HangUp

    def _wrap(self, client: int, apdu: bytes) -> bytes:
        fields = (1, self._device.behaviour.server_sap, client, len(apdu))
        return b"".join(field.to_bytes(2, "big") for field in fields) + apdu


class _Link(asyncio.Protocol):
    def __init__(self, device: Device, open_links: "set[_Link]") -> None:
        self._connection = Connection(device)
        self._open_links = open_links
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open_links.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_links.discard(self)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        try:
            self._transport.write(self._connection.feed(data))
        except HangUp:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class IndependentMeter:
    """The meter and its server. ``port`` 0 lets the system choose; the choice is in ``port`` once entered.

    Its memory (counters, threshold, log) outlives the server: entering again goes on where it stopped, as a
    meter does that lost its line.
    """

    def __init__(
        self,
        encryption_key: bytes,
        authentication_key: bytes,
        *,
        behaviour: Behaviour | None = None,
        title: bytes = TITLE,
        threshold: int = 4_600,
        port: int = 0,
    ) -> None:
        keys = Keys(encryption_key, authentication_key)
        self.device = Device(keys, title, behaviour or Behaviour(), threshold=threshold)
        self.host = HOST
        self.port = port
        self._end: Callable[[], object] = lambda: None
        self._thread: threading.Thread | None = None

    @property
    def title(self) -> bytes:
        return self.device.title

    @property
    def threshold(self) -> int:
        """threshold_normal as kept, in the scaler of the power register."""
        return self.device.objects.threshold

    @property
    def threshold_w(self) -> Decimal:
        return Decimal(self.threshold).scaleb(self.device.behaviour.scaler)

    @property
    def log(self) -> list[Seen]:
        """Every request understood, in order."""
        return self.device.log

    @property
    def faults(self) -> list[str]:
        """Every rule the client broke, in order. Empty for a correct client with the right key."""
        return self.device.faults

    def __enter__(self) -> Self:
        """Listening when it returns. ``OSError`` if the port is taken."""
        listening: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=(listening,), name="independent meter", daemon=True)
        self._thread.start()
        self.port = listening.result()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Drops every connection at once."""
        assert self._thread is not None
        self._end()
        self._thread.join()

    def _run(self, listening: "Future[int]") -> None:
        try:
            asyncio.run(self._serve(listening))
        except OSError as problem:
            listening.set_exception(problem)

    async def _serve(self, listening: "Future[int]") -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        links: set[_Link] = set()
        server = await loop.create_server(lambda: _Link(self.device, links), self.host, self.port)
        self._end = partial(loop.call_soon_threadsafe, stop.set)
        listening.set_result(server.sockets[0].getsockname()[1])
        await stop.wait()
        server.close()
        for link in list(links):
            link.abort()
        await server.wait_closed()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A strict DLMS/COSEM meter with a Limiter, for tests.")
    plain = Behaviour()
    parser.add_argument("--port", type=int, default=4059)
    parser.add_argument("--encryption-key", type=bytes.fromhex, default=bytes(range(16)), metavar="HEX")
    parser.add_argument("--authentication-key", type=bytes.fromhex, default=bytes(range(0xD0, 0xE0)), metavar="HEX")
    parser.add_argument("--title", type=bytes.fromhex, default=TITLE, metavar="HEX", help="own system title")
    parser.add_argument("--threshold", type=int, default=4_600, help="at start, in the scaler (default 4600)")
    parser.add_argument("--number", choices=[n.name.lower() for n in Number], default="u32", help="threshold type")
    parser.add_argument("--scaler", type=int, default=0, help="power of ten of power and thresholds")
    parser.add_argument("--counter-object", default="0-0:43.1.1.255", metavar="OBIS", help="or none")
    parser.add_argument("--counter-floor", type=int, default=0, help="counters must lie above this")
    ways = [way.value for way in Refusal]
    parser.add_argument("--on-wrong-key", choices=ways, default=plain.on_wrong_key.value)
    parser.add_argument("--on-stale-counter", choices=ways, default=plain.on_stale_counter.value)
    parser.add_argument("--no-general-protection", action="store_true")
    parser.add_argument("--no-emergency-attribute", action="store_true", help="no Limiter attribute 10")
    parser.add_argument("--no-switch", action="store_true", help="no Disconnect control")
    parser.add_argument("--shared-proof-counter", action="store_true", help="as Gurux and dlms-cosem do")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C, a line for every request."""
    options = _arguments().parse_args(arguments)
    behaviour = Behaviour(
        on_wrong_key=Refusal(options.on_wrong_key),
        on_stale_counter=Refusal(options.on_stale_counter),
        counter_floor=options.counter_floor,
        counter_object=None if options.counter_object == "none" else options.counter_object,
        general_protection=not options.no_general_protection,
        shared_proof_counter=options.shared_proof_counter,
        number=Number[options.number.upper()],
        scaler=options.scaler,
        emergency_attribute=not options.no_emergency_attribute,
        switch=not options.no_switch,
    )
    meter = IndependentMeter(
        options.encryption_key,
        options.authentication_key,
        behaviour=behaviour,
        title=options.title,
        threshold=options.threshold,
        port=options.port,
    )
    meter.device.observe = _say
    with contextlib.suppress(KeyboardInterrupt), meter:
        _say(f"meter {meter.title.hex()} on {meter.host}:{meter.port}, threshold {meter.threshold_w:f} W")
        threading.Event().wait()
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
