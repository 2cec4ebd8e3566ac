"""Both ends of an association to begin a test with, and the wire between them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from aforo.dlms import (
    Associate,
    AssociationEstablished,
    ClientSettings,
    Connection,
    CounterRange,
    ErrorCode,
    Event,
    GetRequest,
    Key,
    Keys,
    Mechanism,
    RemoteProtocolError,
    Secret,
    ServerSettings,
    SetRequest,
    SystemTitle,
    data,
)
from aforo.dlms.obis import obis

KEYS = Keys(Key(bytes(range(16))), Key(bytes(range(0xD0, 0xE0))))
OTHER_KEYS = Keys(Key(bytes(range(1, 17))), Key(bytes(range(0xD0, 0xE0))))
CLIENT = SystemTitle.from_hex("4845530000000001")
METER = SystemTitle.from_hex("4146520000000001")
STRANGER = SystemTitle.from_hex("5858580000000009")
PLAIN: dict[str, Any] = {"mechanism": Mechanism.NONE, "keys": None}
PASSWORD = Secret(b"12345678")
LIMITER = obis("0-0:17.0.0.255")
SET_3300 = SetRequest(71, LIMITER, 4, data.u32(3300), high=True)
GET_THRESHOLD = GetRequest(71, LIMITER, 4)


def _settings(mechanism: Mechanism, keys: Keys | None, title: SystemTitle, challenge: bytes) -> dict[str, Any]:
    return {
        "mechanism": mechanism,
        "keys": keys,
        "title": title if keys is not None else None,
        "counters": CounterRange(1, 10_000) if keys is not None else None,
        "challenge": challenge,
        "password": PASSWORD,
    }


def a_client(mechanism: Mechanism = Mechanism.HLS_GMAC, *, keys: Keys | None = KEYS, **changes: Any) -> Connection:
    return Connection(ClientSettings(**{**_settings(mechanism, keys, CLIENT, b"K56iVagY"), **changes}))


def a_server(mechanism: Mechanism = Mechanism.HLS_GMAC, *, keys: Keys | None = KEYS, **changes: Any) -> Connection:
    return Connection(ServerSettings(**{**_settings(mechanism, keys, METER, b"P6wRJ21F"), **changes}))


def refused(end: Connection, apdu: bytes) -> ErrorCode:
    """Why this APDU is refused; what is answered to it stays in `outgoing`."""
    with pytest.raises(RemoteProtocolError) as caught:
        end.receive(apdu)
    return caught.value.code


def aarq(**changes: Any) -> bytes:
    client = a_client(**changes)
    client.send(Associate())
    return client.outgoing()[0]


@dataclass
class Line:
    """Carries APDUs to and fro until both ends rest. `tamper` sees, and may change, each before it arrives."""

    client: Connection
    server: Connection
    tamper: Callable[[bytes], bytes] = lambda apdu: apdu
    told_client: list[Event] = field(default_factory=list)
    told_server: list[Event] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)

    def run(self) -> None:
        moved = True
        while moved:
            moved = self._carry(self.client, self.server, self.told_server)
            moved = self._carry(self.server, self.client, self.told_client) or moved

    def _carry(self, source: Connection, target: Connection, told: list[Event]) -> bool:
        apdus = source.outgoing()
        for apdu in apdus:
            arriving = self.tamper(apdu)
            self.seen.append(arriving)
            event = target.receive(arriving)
            if event is not None:
                told.append(event)
        return bool(apdus)

    def ask(self, request: Event, answer: Event) -> Event:
        """The client's request to the server and its answer back; what the client was told."""
        self.client.send(request)
        self.run()
        assert self.told_server[-1] == request
        self.server.send(answer)
        self.run()
        return self.told_client[-1]


def associated(client: Connection | None = None, server: Connection | None = None) -> Line:
    line = Line(client or a_client(), server or a_server())
    line.client.send(Associate())
    line.run()
    assert isinstance(line.told_client[-1], AssociationEstablished)
    return line
