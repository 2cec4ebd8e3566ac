"""The one HTTP port: uvicorn inside our own event loop, without signal handlers of its own."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

LIFETIME_S = 30
"""An idle connection is closed after this."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the composition root's: it has more to end than this."""
        yield


class HttpServer:
    """Accepts from `start` on until `stop`."""

    def __init__(self, app: Any, listening: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            http="h11",  # httptools has no bound for a request's head: one client could fill the memory with it
            log_level="warning",
            access_log=False,
            timeout_keep_alive=LIFETIME_S,
            limit_concurrency=2000,
            h11_max_incomplete_event_size=64 * 1024,
            server_header=False,
            lifespan="off",
        )
        self._server = _Server(config)
        self._listening = listening
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        host, port = self._listening.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self) -> None:
        self._task = asyncio.create_task(self._server.serve(sockets=[self._listening]), name="http")
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise RuntimeError("the HTTP server ended before it began")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task
