"""A commercial system for tests: takes answers in at a door on loopback, and behaves well, or as badly as real ones."""

import threading
from collections.abc import Callable
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

BODY_MAX = 256 * 1024
HANG_S = 60.0
HOST = "127.0.0.1"


class Behaviour(StrEnum):
    """ok: acknowledges.   fail: HTTP 500.   fault: HTTP 200 with a SOAP fault.   refuse: HTTP 200 with FAILED.

    hang: takes the answer, and says nothing.
    """

    OK = "ok"
    FAIL = "fail"
    FAULT = "fault"
    REFUSE = "refuse"
    HANG = "hang"


_FAULT = b"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>\
<faultcode>s:Server</faultcode><faultstring>out of order</faultstring></s:Fault></s:Body></s:Envelope>"""
_REFUSED = b"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>\
<m:ResponseMessage xmlns:m="http://iec.ch/TC57/2011/schema/message"><m:Reply><m:Result>FAILED</m:Result>\
<m:Error><m:code>5.1</m:code></m:Error></m:Reply></m:ResponseMessage></s:Body></s:Envelope>"""


class MockLegacy:
    """Use it as a context manager. take: told of every body, in a thread of the door.   behaviour: may be changed."""

    def __init__(self, take: Callable[[bytes], None], behaviour: Behaviour = Behaviour.OK, port: int = 0) -> None:
        self.behaviour = behaviour
        self._take = take
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer((HOST, port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self._server.server_port}/answers"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: bytes) -> tuple[int, bytes] | None:
        """Status and body; None: the connection is closed without."""
        self._take(body)
        match self.behaviour:
            case Behaviour.HANG:
                self._ended.wait(HANG_S)
                return None
            case Behaviour.FAIL:
                return 500, b""
            case Behaviour.FAULT:
                return 200, _FAULT
            case Behaviour.REFUSE:
                return 200, _REFUSED
            case Behaviour.OK:
                return 200, b""


def _handler(mock: MockLegacy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = HANG_S

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdigit()) or int(length[:9]) > BODY_MAX:
                self.send_error(413)
                return
            answer = mock.answer(self.rfile.read(int(length)))
            if answer is None:
                self.close_connection = True
                return
            status, body = answer
            self.send_response(status)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is http.server's)
            """The command's output is not a log."""

    return Handler
