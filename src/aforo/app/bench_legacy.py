"""The commercial system of the order bench: posts orders over kept connections, and takes the answers in."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from aforo.adapters.listening import listen_on
from aforo.app.settings import LOOPBACK

_NUMBER = re.compile(rb"issuerTrackingID>([^<]+)<")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class AnswerDoor(asyncio.Protocol):
    """Acknowledges every answer, and notes when each order's first one came.

    arrived: seconds of the monotonic clock by order number.
    """

    arrived: dict[str, float]

    def __init__(self, arrived: dict[str, float], all_in: asyncio.Event, wanted: int) -> None:
        self.arrived = arrived
        self._all_in = all_in
        self._wanted = wanted
        self._pending = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream's transport writes and aborts

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._pending += data
        while (end := _message_end(self._pending)) is not None:
            body, self._pending = self._pending[:end], self._pending[end:]
            number = _NUMBER.search(body)
            if number is not None:
                self.arrived.setdefault(number[1].decode(), time.monotonic())
            if len(self.arrived) >= self._wanted:
                self._all_in.set()
            self._transport.write(_OK)


@asynccontextmanager
async def answering(arrived: dict[str, float], all_in: asyncio.Event, wanted: int) -> AsyncIterator[str]:
    """Where answers are taken in meanwhile. Afterwards nobody is left on a kept connection: the next door may get the
    same port.
    """
    doors = list[AnswerDoor]()

    def door() -> AnswerDoor:
        doors.append(AnswerDoor(arrived, all_in, wanted))
        return doors[-1]

    listening = listen_on(LOOPBACK, 0)
    server = await asyncio.get_running_loop().create_server(door, sock=listening)
    try:
        yield f"http://{LOOPBACK}:{listening.getsockname()[1]}/answers"
    finally:
        server.close()
        for one in doors:
            one.hang_up()


async def post_all(
    url: str,
    envelopes: Iterable[tuple[str, bytes]],
    *,
    connections: int,
    acknowledged: dict[str, float] | None = None,
) -> dict[str, float]:
    """When each order was sent, by its number. acknowledged: filled with when that came.

    Raises RuntimeError for one that is not accepted, or held.
    """
    sent: dict[str, float] = {}
    came: dict[str, float] = {} if acknowledged is None else acknowledged
    waiting = iter(envelopes)

    async def post_some() -> None:
        target = urlsplit(url)
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        for number, envelope in waiting:
            sent[number] = time.monotonic()
            head = (
                f"POST {target.path} HTTP/1.1\r\nhost: {target.netloc}\r\ncontent-type: text/xml; charset=utf-8\r\n"
                f"content-length: {len(envelope)}\r\n\r\n"
            )
            writer.write(head.encode() + envelope)
            answer = await _answer(reader)
            came[number] = time.monotonic()
            if b">0.3<" not in answer and b">6.2<" not in answer:
                raise RuntimeError(f"order {number} was not accepted: {answer[-1000:].decode(errors='replace')}")
        writer.close()

    await asyncio.gather(*(post_some() for _ in range(connections)))
    return sent


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    assert length is not None, "our own server tells the length"
    return head + await reader.readexactly(int(length[1]))


def _message_end(pending: bytes) -> int | None:
    """Behind the first whole request; None while it is not whole."""
    head = pending.find(b"\r\n\r\n")
    length = _LENGTH.search(pending[: head + 2]) if head >= 0 else None
    if head < 0 or length is None:
        return None
    end = head + 4 + int(length[1])
    return end if len(pending) >= end else None
