"""Both ends of a link, and the line between them that may lose, repeat and delay frames in virtual time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aforo.dlms.hdlc import (
    Address,
    ApduReceived,
    ClientLinkSettings,
    Connected,
    HdlcLink,
    LinkEvent,
    LinkParameters,
    ServerLinkSettings,
    State,
    frames,
)
from aforo.dlms.hdlc.control import Control, Kind, decode_control, encode_control
from aforo.dlms.hdlc.frames import Frame

CLIENT, SERVER = Address(16), Address(1, 17)
START = datetime(2026, 1, 1, tzinfo=UTC)
DEADLINES_MAX = 200


def a_client(**changes: Any) -> HdlcLink:
    return HdlcLink(ClientLinkSettings(**{"client": CLIENT, "server": SERVER, **changes}))


def a_server(**changes: Any) -> HdlcLink:
    return HdlcLink(ServerLinkSettings(**{"server": SERVER, **changes}))


def small_frames(window: int = 1, *, information: int = 32) -> LinkParameters:
    return LinkParameters(
        information_max_transmit=information,
        information_max_receive=information,
        window_transmit=window,
        window_receive=window,
    )


def read(octets: bytes) -> Frame:
    frame = frames.decode(octets[1:-1])
    assert frames.encode(frame) == octets
    return frame


def said(octets: bytes) -> Control:
    return decode_control(read(octets).control)


def kinds(sent: list[bytes]) -> list[str]:
    return [said(octets).kind.name for octets in sent]


def from_client(kind: Kind, information: bytes = b"", **fields: Any) -> bytes:
    return frames.encode(Frame(SERVER, CLIENT, encode_control(kind, **{"is_final": True, **fields}), information))


def from_server(kind: Kind, information: bytes = b"", **fields: Any) -> bytes:
    return frames.encode(Frame(CLIENT, SERVER, encode_control(kind, **{"is_final": True, **fields}), information))


def events(link: HdlcLink) -> list[LinkEvent]:
    found = []
    while (event := link.next_event()) is not None:
        found.append(event)
    return found


def apdus(told: list[LinkEvent]) -> list[bytes]:
    return [event.apdu for event in told if isinstance(event, ApduReceived)]


def faithful(to_server: bool, octets: bytes) -> list[bytes]:
    return [octets]


@dataclass
class HdlcLine:
    """wire: what arrives instead of this frame, which goes to the server or to the client. replies: as they are due."""

    client: HdlcLink
    server: HdlcLink
    wire: Callable[[bool, bytes], list[bytes]] = faithful
    reply: Callable[[bytes], bytes | None] = lambda _: None
    now: datetime = START
    told_client: list[LinkEvent] = field(default_factory=list)
    told_server: list[LinkEvent] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)

    def settle(self) -> None:
        """Carries frames until no one has more to say without time passing."""
        while self._carry(to_server=True) or self._carry(to_server=False):
            pass

    def pass_time(self) -> bool:
        """To the next deadline of either; whether there was one."""
        due = [at for link in (self.client, self.server) if (at := link.next_deadline()) is not None]
        if not due:
            return False
        self.now = max(self.now, min(due))
        self.client.handle_deadline(self.now)
        self.server.handle_deadline(self.now)
        self.settle()
        return True

    def run_until(self, is_done: Callable[[], bool]) -> None:
        self.settle()
        for _ in range(DEADLINES_MAX):
            if is_done():
                return
            assert self.pass_time(), "nothing more will happen"
        raise AssertionError("it never ends")

    def _carry(self, *, to_server: bool) -> bool:
        source, target = (self.client, self.server) if to_server else (self.server, self.client)
        outgoing = source.outgoing()
        self.sent += outgoing
        for octets in outgoing:
            for arriving in self.wire(to_server, octets):
                target.receive_octets(arriving, self.now)
        self._listen()
        return bool(outgoing)

    def _listen(self) -> None:
        self.told_client += events(self.client)
        news = events(self.server)
        self.told_server += news
        for apdu in apdus(news):
            reply = self.reply(apdu)
            if reply is not None and self.server.state is State.CONNECTED:
                self.server.send_apdu(reply, self.now)


def connected(client: HdlcLink | None = None, server: HdlcLink | None = None, **changes: Any) -> HdlcLine:
    line = HdlcLine(client or a_client(), server or a_server(), **changes)
    line.client.connect(line.now)
    line.settle()
    assert [type(event) for event in line.told_client + line.told_server] == [Connected, Connected]
    line.told_client.clear()
    line.told_server.clear()
    line.sent.clear()
    return line
