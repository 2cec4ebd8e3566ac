"""Devices that go wrong, by what they put on the line: raw DLMS result codes, octets and silence.

Nothing here knows what the head-end will call it. A sabotage is set at one meter, by its number, and sits below the
simulated meter's own objects: it sees the APDUs of an association, or the requests in it, and answers in their place.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from aforo.dlms.connection import Connection
from aforo.dlms.errors import ErrorCode, RemoteProtocolError
from aforo.dlms.events import (
    ActionRequest,
    ActionResponse,
    DataAccess,
    GetRequest,
    GetResponse,
    Request,
    Response,
    SetRequest,
    SetResponse,
)
from aforo.dlms.server import Server
from aforo.simulator.meter_line import MeterLine

RequestSabotage = Callable[[Request, Callable[[], Response]], Response | None]
"""What the meter answers instead; None is silence."""

ApduSabotage = Callable[[int, bytes, Callable[[], bytes | None]], bytes | None]
"""The same for whole APDUs, by client_sap."""

REQUESTS: dict[str, RequestSabotage] = {}
APDUS: dict[str, ApduSabotage] = {}

REFUSING_AARE = bytes.fromhex("6117 A109060760857405080101 A203020101 A305A103020102")
"""rejected-permanent, application-context-name-not-supported (2)."""

_AARQ = 0x60
PUBLIC = 16

_carry_out = MeterLine._carry_out
_respond = MeterLine.respond


def _sabotaged_carry_out(line: MeterLine, connection: Connection, server: Server, request: Request) -> bytes | None:
    sabotage = REQUESTS.get(line._supply.settings.number)
    if sabotage is None:
        return _carry_out(line, connection, server, request)
    response = sabotage(request, lambda: server.answer(request))
    if response is None:
        return None
    connection.send(response)
    (octets,) = connection.outgoing()
    return octets


def _sabotaged_respond(line: MeterLine, client_sap: int, server_sap: int, apdu: bytes, now: datetime) -> bytes | None:
    def usual() -> bytes | None:
        return _respond(line, client_sap, server_sap, apdu, now)

    sabotage = APDUS.get(line._supply.settings.number)
    return usual() if sabotage is None else sabotage(client_sap, apdu, usual)


def install() -> None:
    """For every simulated meter of this process."""
    MeterLine._carry_out = _sabotaged_carry_out  # type: ignore[assignment]  # the methods of every meter here
    MeterLine.respond = _sabotaged_respond  # type: ignore[assignment]  # the methods of every meter here


def refuses_writes(code: int) -> RequestSabotage:
    """code: Data-Access-Result (IEC 62056-5-3)."""

    def sabotage(request: Request, usual: Callable[[], Response]) -> Response | None:
        return SetResponse(DataAccess(code)) if isinstance(request, SetRequest) else usual()

    return sabotage


def answers_reads(class_id: int, attribute: int, answer: GetResponse) -> RequestSabotage:
    def sabotage(request: Request, usual: Callable[[], Response]) -> Response | None:
        is_it = isinstance(request, GetRequest) and (request.class_id, request.attribute) == (class_id, attribute)
        return answer if is_it else usual()

    return sabotage


def says_yes(request: Request, usual: Callable[[], Response]) -> Response | None:
    """And does nothing."""
    if isinstance(request, SetRequest):
        return SetResponse(DataAccess.SUCCESS)
    return ActionResponse(DataAccess.SUCCESS) if isinstance(request, ActionRequest) else usual()


class FallsSilentAtTheCommand:
    """Carries it out, and is never heard again."""

    def __init__(self) -> None:
        self.is_silent = False

    def request(self, request: Request, usual: Callable[[], Response]) -> Response | None:
        if not isinstance(request, SetRequest):
            return usual()
        self.is_silent = True
        usual()
        return None

    def apdu(self, _: int, __: bytes, usual: Callable[[], bytes | None]) -> bytes | None:
        return None if self.is_silent else usual()


class CutsTheLine:
    """Once, when the command has arrived: it is carried out, and the connection is gone. cut: does the cutting."""

    def __init__(self, cut: Callable[[], None]) -> None:
        self._cut = cut
        self._is_cut = False

    def request(self, request: Request, usual: Callable[[], Response]) -> Response | None:
        response = usual()
        if isinstance(request, SetRequest) and not self._is_cut:
            self._is_cut = True
            self._cut()
        return response


def hangs_up() -> None:
    """A direct meter does."""
    raise RemoteProtocolError(ErrorCode.MALFORMED, "sabotage")


class WakesUpLate:
    """Hears nothing of the first `calls` APDUs."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def apdu(self, _: int, __: bytes, usual: Callable[[], bytes | None]) -> bytes | None:
        self._left -= 1
        return None if self._left >= 0 else usual()


def silent(*_: Any) -> bytes | None:
    return None


def refuses_association(client_sap: int, apdu: bytes, usual: Callable[[], bytes | None]) -> bytes | None:
    return REFUSING_AARE if client_sap != PUBLIC and apdu[0] == _AARQ else usual()


def hides_from_the_public(client_sap: int, _: bytes, usual: Callable[[], bytes | None]) -> bytes | None:
    return REFUSING_AARE if client_sap == PUBLIC else usual()
