"""The one HTTP port: uvicorn inside our own event loop, without signal handlers of its own."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from ssl import CERT_OPTIONAL
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from aforo.adapters.gatekeeper import TLS_EXTENSION

LIFETIME_S = 30
"""An idle connection is closed after this."""

HEAD_OCTETS_MAX = 64 * 1024
HEAD_WAIT_S_MAX = 20.0
"""Of a request before its body: what it may be long, and how long its sender may take. For the body see each door."""


class _BoundedHead(HttpToolsProtocol):
    """The parser has no bound for a request's head: one client could fill the memory with it, or wait for ever."""

    _head_octets = 0
    _is_in_head = True
    _head_wait: asyncio.TimerHandle | None = None
    _certificate = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it so
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        der = None if tls is None else tls.getpeercert(binary_form=True)
        if der:
            self._certificate = sha256(der).hexdigest()
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if self._is_in_head:
            self._head_octets += len(data)
        super().data_received(data)
        if self._is_in_head and self._head_octets > HEAD_OCTETS_MAX:
            self._cut_off()

    def on_message_begin(self) -> None:
        self._await_head()
        super().on_message_begin()
        if self._certificate:
            self.scope["extensions"] = {TLS_EXTENSION: {"client_certificate_sha256": self._certificate}}

    def on_headers_complete(self) -> None:
        self._is_in_head, self._head_octets = False, 0
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._is_in_head = True
        self._stop_waiting()
        self._head_wait = asyncio.get_running_loop().call_later(HEAD_WAIT_S_MAX, self._cut_off)

    def _stop_waiting(self) -> None:
        if self._head_wait is not None:
            self._head_wait.cancel()
            self._head_wait = None

    def _cut_off(self) -> None:
        self.transport.abort()


class OneOfTwo:
    """What lies below a path goes to one application, everything else to another. No router looks at it in between."""

    def __init__(self, path: str, below: ASGIApp, other: ASGIApp) -> None:
        self._path = f"{path}/"
        self._below = below
        self._other = other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_below = scope.get("path", "").startswith(self._path)
        await (self._below if is_below else self._other)(scope, receive, send)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the composition root's: it has more to end than this."""
        yield


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM. client_ca: who has issued the certificates of callers; None asks for none.

    A caller may come without a certificate, and be known by something else; see the gatekeeper.
    """

    certificate: Path
    key: Path
    client_ca: Path | None

    def options(self) -> dict[str, Any]:
        """For uvicorn. TLS 1.2 and later, which is Python's default."""
        asked = {} if self.client_ca is None else {"ssl_ca_certs": str(self.client_ca), "ssl_cert_reqs": CERT_OPTIONAL}
        return {"ssl_certfile": str(self.certificate), "ssl_keyfile": str(self.key), **asked}


class HttpServer:
    """Accepts from `start` on until `stop`."""

    def __init__(self, app: Any, listening: socket.socket, tls: Tls | None = None) -> None:
        config = uvicorn.Config(
            app,
            http=_BoundedHead,
            log_level="warning",
            access_log=False,
            timeout_keep_alive=LIFETIME_S,
            limit_concurrency=2000,
            server_header=False,
            lifespan="off",
            **({} if tls is None else tls.options()),
        )
        self._scheme = "http" if tls is None else "https"
        self._server = _Server(config)
        self._listening = listening
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        host, port = self._listening.getsockname()[:2]
        return f"{self._scheme}://[{host}]:{port}" if ":" in host else f"{self._scheme}://{host}:{port}"

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
