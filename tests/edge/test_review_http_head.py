"""The HTTP server bounds what it holds of a request before its body, whoever sends it."""

import asyncio
import contextlib

import pytest
from starlette.types import Receive, Scope, Send

from aforo.adapters.listening import listen_on
from aforo.app import http_server
from aforo.app.http_server import HttpServer

MOST = 1024 * 1024


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_a_request_whose_head_never_ends_is_cut_off() -> None:
    listening = listen_on("127.0.0.1", 0)
    server = HttpServer(_nothing, listening)
    await server.start()
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n")
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < 8 * MOST and not reader.at_eof():
            writer.write(b"x-more: " + b"a" * 8000 + b"\r\n")
            await writer.drain()
            sent += 8000
            await asyncio.sleep(0)
    writer.close()
    await server.stop()

    assert sent < MOST


async def test_a_request_whose_head_does_not_come_to_its_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEAD_WAIT_S_MAX", 0.05)
    listening = listen_on("127.0.0.1", 0)
    server = HttpServer(_nothing, listening)
    await server.start()
    for begun in (b"", b"GET / HTTP/1.1\r\nhost: x\r\n"):
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(begun)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
    await server.stop()


async def test_a_long_body_behind_a_short_head_is_no_long_head() -> None:
    listening = listen_on("127.0.0.1", 0)
    server = HttpServer(_nothing, listening)
    await server.start()
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    for _ in range(2):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n" + b"x" * 200_000)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
    writer.close()
    await server.stop()
