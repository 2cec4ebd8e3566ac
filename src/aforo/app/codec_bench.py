"""How fast the DLMS core is, in CPU time per operation, beside the Python stacks that there are."""

import json
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aforo.app.codec_exchange import CLIENT_TITLE, CONNECTIONS, blocking_us, concurrent_us
from aforo.app.codec_meter import AUTHENTICATION_KEY, ENCRYPTION_KEY, LIMITER, METER_TITLE, bench_meter
from aforo.app.codec_peers import PEERS, PeerAway, figures_of
from aforo.app.console_output import complain, say, say_table
from aforo.dlms import (
    Associate,
    AssociationEstablished,
    Ciphering,
    ClientSettings,
    Connection,
    CounterRange,
    DataAccess,
    GetRequest,
    GetResponse,
    Key,
    Keys,
    Mechanism,
    ServerSettings,
    SetRequest,
    SetResponse,
    data,
    dates,
    xdlms,
)
from aforo.dlms.counters import COUNTER_MAX
from aforo.dlms.events import ServiceResponse
from aforo.dlms.profile_rows import decode_moments, decode_rows
from aforo.dlms.protection import Protection

ROUNDS, REPETITIONS = 5, 3
MESSAGES = 4_000
"""Per repetition: some 10 ms, long against the clock's step and short against a busy neighbour."""

ASSOCIATIONS, PROFILES, EXCHANGES = 100, 200, 640
COMPARED = ENCODE, DECODE, PROFILE, EXCHANGE = (
    "set_limiter_ciphered_encode",
    "response_ciphered_decode",
    "load_profile_96x4_decode",
    "exchange",
)
"""What the peers are measured by too; all else is informative."""

_BLOCKING = "exchange_blocking"

_KEYS = Keys(Key(ENCRYPTION_KEY), Key(AUTHENTICATION_KEY))
_SET = SetRequest(71, LIMITER, 4, data.u32(3300), high=True)
_GET = GetRequest(71, LIMITER, 4, high=True)
_WRITTEN = SetResponse(DataAccess.SUCCESS)
_READ = GetResponse(DataAccess.SUCCESS, data.u32(3300))
_INVOKE = 1
_PRIORITY = 0xC1
_QUARTERS = 96


@dataclass(slots=True)
class Row:
    """ours_us, peers: CPU microseconds per operation, medians; peers by name, those that could be measured."""

    name: str
    ours_us: float
    peers: dict[str, float] = field(default_factory=dict)
    informative: bool = True
    more: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """To the fastest peer; None unless all were measured: the one that is away may be the fastest."""
        return min(self.peers.values()) / self.ours_us if len(self.peers) == len(PEERS) else None

    def document(self) -> dict[str, Any]:
        told: dict[str, Any] = {"name": self.name, "ours_us": self.ours_us, "peers": self.peers}
        told |= {"ratio_to_best_peer": self.ratio, **self.more}
        return {**told, "informative": True} if self.informative else told


@dataclass(frozen=True, slots=True)
class Operation:
    """prepare: what each call gets, as many as asked for, made anew for each repetition and not timed."""

    name: str
    prepare: Callable[[int], Iterable[Any]]
    call: Callable[[Any], object]
    count: int = MESSAGES


def run(*, as_json: bool) -> None:
    """Measure, and print a table, or one JSON list."""
    rows = measure()
    if as_json:
        print(json.dumps([row.document() for row in rows], indent=2))
        return
    names = [peer.name for peer in PEERS]
    table = [
        (row.name, _figure(row.ours_us), *(_figure(row.peers.get(name)) for name in names), _figure(row.ratio))
        for row in rows
    ]
    say("CPU microseconds per operation, medians; ratio: to the faster of the others")
    say_table(("operation", "ours", *names, "ratio"), table)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}" if value < 1000 else f"{value:,.0f}"


def measure() -> list[Row]:
    """In rounds, in which everybody has a turn, so that a neighbour's load falls on all."""
    spent: dict[str, list[float]] = {name: [] for name in (*(each.name for each in _operations()), EXCHANGE, _BLOCKING)}
    peers: dict[str, dict[str, list[float]]] = {peer.name: {} for peer in PEERS}
    with bench_meter() as port:
        concurrent_us(port, CONNECTIONS)  # warms up
        for turn in range(ROUNDS):
            complain(f"round {turn + 1} of {ROUNDS} ...")
            _take_turn(spent, port)
            _peers_turns(peers, port)
    ours = {name: statistics.median(figures) for name, figures in spent.items()}
    more = {"ours_blocking_us": ours.pop(_BLOCKING)}
    rows = [Row(name, figure, more=more if name == EXCHANGE else {}) for name, figure in ours.items()]
    for row in rows:
        row.informative = row.name not in COMPARED
        measured = {peer: figures[row.name] for peer, figures in peers.items() if row.name in figures}
        row.peers = {peer: statistics.median(figures) for peer, figures in measured.items()}
    order = {name: place for place, name in enumerate(COMPARED)}
    return sorted(rows, key=lambda row: order.get(row.name, len(order)))


def _take_turn(spent: dict[str, list[float]], port: int) -> None:
    for _ in range(REPETITIONS):
        for operation in _operations():
            spent[operation.name].append(_timed(operation))
    spent[EXCHANGE].append(concurrent_us(port, EXCHANGES))
    spent[_BLOCKING].append(blocking_us(port, EXCHANGES // 4))


def _peers_turns(peers: dict[str, dict[str, list[float]]], port: int) -> None:
    """Who is away once has no more turns."""
    for peer in PEERS:
        if peer.name not in peers:
            continue
        try:
            measured = figures_of(peer, given(), port=port, exchanges=EXCHANGES // 16)
        except PeerAway as away:
            complain(f"{peer.name} is not measured: {away}")
            del peers[peer.name]
        else:
            for name, figure in measured.items():
                peers[peer.name].setdefault(name, []).append(figure)


def given() -> dict[str, Any]:
    """What every stack is to encode and to decode, in hexadecimal digits, and what it must come to."""
    meter = _sealing(Ciphering.GENERAL_GLO, by_meter=True)
    return {
        "encryption_key": ENCRYPTION_KEY.hex(),
        "authentication_key": AUTHENTICATION_KEY.hex(),
        "client_title": str(CLIENT_TITLE),
        "meter_title": str(METER_TITLE),
        "value": _SET.data.hex(),
        "sealed_set": _sealing(Ciphering.GENERAL_GLO).seal(xdlms.encode_request(_SET, _INVOKE)).hex(),
        "plain_set": xdlms.encode_request(_SET, _INVOKE).hex(),
        "set_response": meter.seal(xdlms.encode_response(_WRITTEN, _PRIORITY)).hex(),
        "profile": meter.seal(xdlms.encode_response(_load_profile(), _PRIORITY)).hex(),
        "profile_column": [row[1] for row in _rows(_load_profile())],
    }


def _timed(operation: Operation) -> float:
    """CPU microseconds per call."""
    inputs, call = list(operation.prepare(operation.count)), operation.call
    begin = time.process_time_ns()
    for each in inputs:
        call(each)
    return (time.process_time_ns() - begin) / len(inputs) / 1000


def _operations() -> list[Operation]:
    glo, general = _sealing(Ciphering.GLO), _sealing(Ciphering.GENERAL_GLO)
    return [
        Operation(ENCODE, lambda count: [_SET] * count, lambda _: general.seal(xdlms.encode_request(_SET, _INVOKE))),
        _decoding(DECODE, _WRITTEN, Ciphering.GENERAL_GLO),
        _decoding(PROFILE, _load_profile(), Ciphering.GENERAL_GLO, _rows, PROFILES),
        Operation("set_encode_plain", lambda count: [_SET] * count, lambda _: xdlms.encode_request(_SET, _INVOKE)),
        Operation(
            "set_encode_glo", lambda count: [_SET] * count, lambda _: glo.seal(xdlms.encode_request(_SET, _INVOKE))
        ),
        _decoding("set_response_decode_glo", _WRITTEN, Ciphering.GLO),
        _decoding("get_response_decode_general_glo", _READ, Ciphering.GENERAL_GLO),
        Operation("set_and_get_both_ends", _associated_pairs, _set_and_get),
        Operation("association_gmac_both_ends", range, lambda _: _associate(), ASSOCIATIONS),
    ]


def _load_profile() -> GetResponse:
    """A day of quarters: date-time, two energies, status."""
    begin = datetime(2026, 11, 25, tzinfo=UTC)
    rows = (
        data.structure(
            data.octets(dates.encode(begin + timedelta(minutes=15 * quarter))),
            data.u32(100_000 + quarter),
            data.u32(quarter),
            data.u8(0),
        )
        for quarter in range(_QUARTERS)
    )
    return GetResponse(DataAccess.SUCCESS, data.array(*rows))


def _rows(response: ServiceResponse) -> list[tuple[Any, ...]]:
    """Python values, with moments."""
    assert isinstance(response, GetResponse)
    assert response.data is not None
    columns = list(zip(*decode_rows(response.data), strict=True))
    return list(zip(decode_moments(columns[0]), *columns[1:], strict=True))


def _sealing(ciphering: Ciphering, *, by_meter: bool = False) -> Protection:
    title, peer = (METER_TITLE, CLIENT_TITLE) if by_meter else (CLIENT_TITLE, METER_TITLE)
    counters = CounterRange(1, COUNTER_MAX)
    return Protection(ClientSettings(title=title, peer_title=peer, keys=_KEYS, counters=counters, ciphering=ciphering))


def _responses(response: ServiceResponse, ciphering: Ciphering, count: int) -> list[bytes]:
    """Each under the next counter, or they would be replays."""
    meter, plain = _sealing(ciphering, by_meter=True), xdlms.encode_response(response, _PRIORITY)
    return [meter.seal(plain) for _ in range(count)]


def _decoding(
    name: str,
    response: ServiceResponse,
    ciphering: Ciphering,
    convert: Callable[[ServiceResponse], object] | None = None,
    count: int = MESSAGES,
) -> Operation:
    def prepare(wanted: int) -> Iterable[tuple[Protection, bytes]]:
        client = _sealing(ciphering)
        return [(client, apdu) for apdu in _responses(response, ciphering, wanted)]

    def plainly(each: tuple[Protection, bytes]) -> object:
        return xdlms.decode_response(each[0].open(each[1]))

    def converted(each: tuple[Protection, bytes]) -> object:
        assert convert is not None
        return convert(xdlms.decode_response(each[0].open(each[1]))[0])

    return Operation(name, prepare, plainly if convert is None else converted, count)


def _associate() -> tuple[Connection, Connection]:
    client = Connection(
        ClientSettings(
            mechanism=Mechanism.HLS_GMAC,
            title=CLIENT_TITLE,
            keys=_KEYS,
            challenge=b"K56iVagY",
            counters=CounterRange(0, COUNTER_MAX),
        )
    )
    server = Connection(
        ServerSettings(
            mechanism=Mechanism.HLS_GMAC,
            title=METER_TITLE,
            keys=_KEYS,
            challenge=b"P6wRJ21F",
            counters=CounterRange(0, COUNTER_MAX),
        )
    )
    client.send(Associate())
    event = None
    while event is None:
        server.receive(client.outgoing()[0])
        event = client.receive(server.outgoing()[0])
    assert isinstance(event, AssociationEstablished)
    return client, server


def _associated_pairs(count: int) -> list[tuple[Connection, Connection]]:
    return [_associate()] * count


def _set_and_get(pair: tuple[Connection, Connection]) -> None:
    client, server = pair
    for request, response in ((_SET, _WRITTEN), (_GET, _READ)):
        client.send(request)
        assert server.receive(client.outgoing()[0]) == request
        server.send(response)
        assert client.receive(server.outgoing()[0]) == response
