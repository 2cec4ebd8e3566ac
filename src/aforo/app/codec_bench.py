"""How fast the DLMS codec is: one process, no sockets, CPU time; beside dlms-cosem 21.3.2 where that is installed."""

import json
import statistics
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

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
    SystemTitle,
    data,
    xdlms,
)
from aforo.dlms.counters import COUNTER_MAX
from aforo.dlms.events import ServiceResponse
from aforo.dlms.obis import obis
from aforo.dlms.protection import Protection

REPETITIONS = 9
MESSAGES = 4_000
"""Per repetition: some 10 ms, long against the clock's step and short against a busy neighbour."""

ASSOCIATIONS = 100

_EK, _AK = bytes(range(16)), bytes(range(0xD0, 0xE0))
_KEYS = Keys(Key(_EK), Key(_AK))
_CLIENT, _METER = SystemTitle.from_hex("4845530000000001"), SystemTitle.from_hex("4146520000000001")
_LIMITER = obis("0-0:17.0.0.255")
_SET = SetRequest(71, _LIMITER, 4, data.u32(3300), high=True)
_GET = GetRequest(71, _LIMITER, 4, high=True)
_WRITTEN = SetResponse(DataAccess.SUCCESS)
_READ = GetResponse(DataAccess.SUCCESS, data.u32(3300))
_INVOKE = 1
_PRIORITY = 0xC1


@dataclass(frozen=True, slots=True)
class Figure:
    """us: CPU microseconds per operation, median of the repetitions.   best: of the fastest one.

    other_us: the same by dlms-cosem, None where it cannot do it or is not installed.
    """

    operation: str
    us: float
    best: float
    other_us: float | None = None

    @property
    def per_second(self) -> float:
        return 1e6 / self.us

    @property
    def ratio(self) -> float | None:
        return None if self.other_us is None else self.other_us / self.us


@dataclass(frozen=True, slots=True)
class Operation:
    """prepare: what each call gets, as many as asked for, made anew for each repetition and not timed."""

    name: str
    prepare: Callable[[int], Iterable[Any]]
    call: Callable[[Any], object]
    count: int = MESSAGES


def run(*, as_json: bool) -> None:
    """Measure, and print a table, or one JSON object."""
    figures = measure()
    if as_json:
        rows = [{**asdict(figure), "per_second": figure.per_second, "ratio": figure.ratio} for figure in figures]
        print(json.dumps({"clock": "process CPU time", "repetitions": REPETITIONS, "figures": rows}, indent=2))
        return
    print(f"{'operation':<44}{'us':>9}{'best':>9}{'per second':>13}{'dlms-cosem us':>15}{'ratio':>8}")
    for figure in figures:
        other = "" if figure.other_us is None else f"{figure.other_us:.2f}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.1f}"
        times = f"{figure.us:>9.2f}{figure.best:>9.2f}{figure.per_second:>13,.0f}"
        print(f"{figure.operation:<44}{times}{other:>15}{ratio:>8}")


def measure() -> list[Figure]:
    others: dict[str, Operation] = {}
    with suppress(ImportError):  # a development dependency, not there in production
        others = {operation.name: operation for operation in _dlms_cosem()}
    return [_figure(operation, others.get(operation.name)) for operation in _ours()]


def _figure(ours: Operation, other: Operation | None) -> Figure:
    """The two take turns, so that a neighbour's load falls on both."""
    spent: list[float] = []
    other_spent: list[float] = []
    for _ in range(REPETITIONS):
        spent.append(_timed(ours))
        if other is not None:
            other_spent.append(_timed(other))
    return Figure(
        ours.name, statistics.median(spent), min(spent), statistics.median(other_spent) if other_spent else None
    )


def _timed(operation: Operation) -> float:
    """CPU microseconds per call."""
    inputs, call = list(operation.prepare(operation.count)), operation.call
    begin = time.process_time_ns()
    for each in inputs:
        call(each)
    return (time.process_time_ns() - begin) / len(inputs) / 1000


_PLAIN_SET = "encode SET, plain"
_GLO_SET = "encode SET, glo"
_GENERAL_SET = "encode SET, general-glo"
_SET_RESPONSE = "decode SET-response, general-glo"
_GET_RESPONSE = "decode GET-response, general-glo"


def _ours() -> list[Operation]:
    glo, general = _sealing(Ciphering.GLO), _sealing(Ciphering.GENERAL_GLO)
    return [
        Operation(_PLAIN_SET, lambda count: [_SET] * count, lambda _: xdlms.encode_request(_SET, _INVOKE)),
        Operation(_GLO_SET, lambda count: [_SET] * count, lambda _: glo.seal(xdlms.encode_request(_SET, _INVOKE))),
        Operation(
            _GENERAL_SET, lambda count: [_SET] * count, lambda _: general.seal(xdlms.encode_request(_SET, _INVOKE))
        ),
        _decoding("decode SET-response, glo", _WRITTEN, Ciphering.GLO),
        _decoding(_SET_RESPONSE, _WRITTEN, Ciphering.GENERAL_GLO),
        _decoding(_GET_RESPONSE, _READ, Ciphering.GENERAL_GLO),
        Operation("SET and GET within an association, both ends", _associated_pairs, _set_and_get),
        Operation("association (HLS 5), both ends", range, lambda _: _associate(), ASSOCIATIONS),
        Operation(
            "association, SET and GET, both ends",
            range,
            lambda _: _set_and_get(_associate()),
            ASSOCIATIONS,
        ),
    ]


def _sealing(ciphering: Ciphering, *, by_meter: bool = False) -> Protection:
    title, peer = (_METER, _CLIENT) if by_meter else (_CLIENT, _METER)
    counters = CounterRange(0, COUNTER_MAX)
    return Protection(ClientSettings(title=title, peer_title=peer, keys=_KEYS, counters=counters, ciphering=ciphering))


def _responses(response: ServiceResponse, ciphering: Ciphering, count: int) -> list[bytes]:
    """Each under the next counter, or they would be replays."""
    meter, plain = _sealing(ciphering, by_meter=True), xdlms.encode_response(response, _PRIORITY)
    return [meter.seal(plain) for _ in range(count)]


def _decoding(name: str, response: ServiceResponse, ciphering: Ciphering) -> Operation:
    def prepare(count: int) -> Iterable[tuple[Protection, bytes]]:
        client = _sealing(ciphering)
        return [(client, apdu) for apdu in _responses(response, ciphering, count)]

    def call(given: tuple[Protection, bytes]) -> object:
        client, apdu = given
        return xdlms.decode_response(client.open(apdu))

    return Operation(name, prepare, call)


def _associate() -> tuple[Connection, Connection]:
    client = Connection(
        ClientSettings(
            mechanism=Mechanism.HLS_GMAC,
            title=_CLIENT,
            keys=_KEYS,
            challenge=b"K56iVagY",
            counters=CounterRange(0, COUNTER_MAX),
        )
    )
    server = Connection(
        ServerSettings(
            mechanism=Mechanism.HLS_GMAC,
            title=_METER,
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


def _dlms_cosem() -> list[Operation]:
    """What it can do of the same, without its state machine. Raises ImportError where it is not installed."""
    cosem, enumerations, security, theirs = map(
        import_module,
        ("dlms_cosem.cosem", "dlms_cosem.enumerations", "dlms_cosem.security", "dlms_cosem.protocol.xdlms"),
    )
    attribute = cosem.CosemAttribute(enumerations.CosemInterface.LIMITER, cosem.Obis(*_LIMITER), 4)
    control = security.SecurityControlField(security_suite=0, authenticated=True, encrypted=True)

    def plain() -> bytes:
        return bytes(theirs.SetRequestNormal(cosem_attribute=attribute, data=_SET.data).to_bytes())

    def sealed(counter: int) -> bytes:
        text = security.encrypt(control, _CLIENT.octets, counter, _EK, plain(), _AK)
        return bytes(theirs.GeneralGlobalCipher(_CLIENT.octets, control, counter, text).to_bytes())

    def opened(apdu: bytes) -> bytes:
        return bytes(theirs.GeneralGlobalCipher.from_bytes(apdu).to_plain_apdu(_EK, _AK))

    assert plain() == xdlms.encode_request(_SET, _INVOKE), "the two must do the same work"
    assert sealed(0) == _sealing(Ciphering.GENERAL_GLO).seal(plain())
    return [
        Operation(_PLAIN_SET, range, lambda _: plain(), MESSAGES // 8),
        Operation(_GENERAL_SET, range, sealed, MESSAGES // 8),
        Operation(
            _SET_RESPONSE,
            lambda count: _responses(_WRITTEN, Ciphering.GENERAL_GLO, count),
            lambda apdu: theirs.SetResponseFactory.from_bytes(opened(apdu)),
            MESSAGES // 8,
        ),
        Operation(
            _GET_RESPONSE,
            lambda count: _responses(_READ, Ciphering.GENERAL_GLO, count),
            lambda apdu: theirs.GetResponseFactory.from_bytes(opened(apdu)),
            MESSAGES // 8,
        ),
    ]
