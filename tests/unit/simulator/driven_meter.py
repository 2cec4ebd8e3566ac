"""A simulated meter and a client that drives it in memory, with a clock that tests wind by hand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from aforo.dlms import CounterRange, Key, Keys, RemoteProtocolError, Request, Response, SystemTitle
from aforo.domain.causes import Cause
from aforo.domain.meter_models import GENERIC, MeterModel
from aforo.domain.quantities import PowerLimit
from aforo.domain.readback import CommandResult
from aforo.flow.device_client import (
    Conversation,
    CountersGiven,
    CountersWanted,
    DeviceAccess,
    DeviceClient,
    DeviceLost,
    Exchange,
    Heard,
)
from aforo.flow.meter_errand import MeterErrand
from aforo.flow.visit import MeterTask
from aforo.simulator.household_load import FixedLoad, Load
from aforo.simulator.meter import Meter
from aforo.simulator.meter_settings import MeterMemory, MeterSettings

T = TypeVar("T")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEYS = Keys(Key(bytes(range(16))), Key(bytes(range(0xD0, 0xE0))))
OTHER_KEYS = Keys(Key(bytes(range(1, 17))), Key(bytes(range(0xD0, 0xE0))))
METER_TITLE = SystemTitle.from_hex("41464F0000000001")
CLIENT_TITLE = SystemTitle.from_hex("4845530000000001")
MODEL = MeterModel(name=GENERIC, title="Generic class 71 meter")


class Line(Protocol):
    def respond(self, client_sap: int, server_sap: int, apdu: bytes, now: datetime) -> bytes | None: ...


def meter_settings(**given: Any) -> MeterSettings:
    return MeterSettings(**{"number": "20300001", "title": METER_TITLE, "keys": KEYS, **given})


def a_meter(load: Load | int = 1_000, memory: MeterMemory | None = None, **given: Any) -> Meter:
    """load: or watts that never change."""
    drawn = FixedLoad(load) if isinstance(load, int) else load
    return Meter(meter_settings(**given), memory or MeterMemory(), drawn)


@dataclass
class Reader:
    """A meter reader with counters of its own; its clock stands still unless a test winds it.

    known_counter: what is on record; None asks the meter itself.   heard, told: every APDU sent to the meter and back.
    """

    line: Line
    keys: Keys = KEYS
    now: datetime = NOON
    known_counter: int | None = 1
    heard: list[bytes] = field(default_factory=list)
    told: list[bytes] = field(default_factory=list)
    _challenges: int = 0

    def __post_init__(self) -> None:
        access = DeviceAccess(own_title=CLIENT_TITLE, keys=self.keys)
        self.client = DeviceClient(access, challenge=self._challenge)

    def associate(self) -> None:
        self.drive(self.client.associate())

    def ask(self, request: Request) -> Response:
        return self.drive(self.client.ask(request))[0]

    def limit(self, watts: int, model: MeterModel = MODEL) -> CommandResult:
        task = MeterTask("LIMIT", PowerLimit(watts))
        return self.drive(MeterErrand(self.client).carry_out(task, model))

    def read(self, model: MeterModel = MODEL) -> CommandResult:
        return self.drive(MeterErrand(self.client).carry_out(MeterTask("READ"), model))

    def drive(self, conversation: Conversation[T]) -> T:
        """To its end. A protocol error that the meter has no answer for is silence, as when a line is cut."""
        answer: Heard | CountersGiven | None = None
        while True:
            try:
                wanted = conversation.send(answer) if answer is not None else next(conversation)
            except StopIteration as done:
                result: T = done.value
                return result
            answer = self._counters(wanted) if isinstance(wanted, CountersWanted) else self._heard(wanted)

    def _counters(self, wanted: CountersWanted) -> CountersGiven:
        if wanted.expected is not None:
            self.known_counter = max(wanted.expected, self.known_counter or 0)
        if self.known_counter is None:
            return CountersGiven(None)
        first, self.known_counter = self.known_counter, self.known_counter + 64
        return CountersGiven(CounterRange(first, first + 63))

    def _heard(self, exchange: Exchange) -> Heard:
        assert len(exchange.apdus) == 1, "a meter says nothing unasked, and answers one APDU with one"
        (apdu,) = exchange.apdus
        self.heard.append(apdu)
        try:
            answer = self.line.respond(exchange.client_sap, exchange.server_sap, apdu, self.now)
        except RemoteProtocolError:
            answer = None
        if answer is not None:
            self.told.append(answer)
        return Heard(answer, self.now)

    def _challenge(self) -> bytes:
        self._challenges += 1
        return self._challenges.to_bytes(16, "big")


def lost_cause(ask: Callable[[], object]) -> Cause:
    try:
        ask()
    except DeviceLost as lost:
        return lost.cause
    raise AssertionError("the device was not lost")
