"""The ordering side's own door for final answers: a small HTTP server on loopback, in a thread of its own."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Self

from aforo.adapters.listening import FIRST_FREE_PORT, LAST_FREE_PORT, ports_to_try

BODY_MAX = 256 * 1024
CONNECTION_WAIT_S_MAX = 5.0
HOST = "127.0.0.1"


class NoFreePort(Exception):
    """No port of the range can be listened on."""


class NotTheAnswer(ValueError):
    """What was received is not what is waited for; its sender is told why."""


class ReplyReceiver:
    """Use it as a context manager.

    secret: the path, so that only who was told can answer.   take: given a body, returns the acknowledgement, or raises
    NotTheAnswer; it runs in the receiver's thread.
    """

    def __init__(self, secret: str, take: Callable[[bytes], bytes]) -> None:
        self._path = f"/{secret}"
        self._server = _listening(_handler(self._path, take))
        self._thread = threading.Thread(target=self._serve, name="replies", daemon=True)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self._server.server_port}{self._path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(CONNECTION_WAIT_S_MAX)

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)


class _QuietServer(HTTPServer):
    allow_reuse_address = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A peer that breaks off is no matter of the command's output."""


def _listening(handler: type[BaseHTTPRequestHandler]) -> HTTPServer:
    for port in ports_to_try():
        try:
            return _QuietServer((HOST, port), handler)
        except OSError:
            continue
    raise NoFreePort(f"no free port between {FIRST_FREE_PORT} and {LAST_FREE_PORT} on {HOST}")


def _handler(path: str, take: Callable[[bytes], bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = CONNECTION_WAIT_S_MAX

        def do_POST(self) -> None:
            if self.path != path:
                self._answer(404, b"")
                return
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdigit()):
                self._answer(411, b"")
                return
            if len(length) > 9 or int(length) > BODY_MAX:
                self._answer(413, b"")
                return
            try:
                acknowledgement = take(self.rfile.read(int(length)))
            except NotTheAnswer as why:
                self._answer(400, str(why).encode(), "text/plain; charset=utf-8")
                return
            self._answer(200, acknowledgement)

        def _answer(self, status: int, body: bytes, content_type: str = "text/xml; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is http.server's)
            """The command's output is not a log."""

    return Handler
