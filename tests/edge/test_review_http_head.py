"""The HTTP server bounds what it holds of a request before its body, whoever sends it."""

import asyncio
import contextlib

from starlette.types import Receive, Scope, Send

from aforo.adapters.listening import listen_on
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
