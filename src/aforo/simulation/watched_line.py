"""A way to a simulated meter on which everything is seen: what is said, and what the meter then holds.

Between a concentrator and its meters it is also where the line loses things, and where the concentrator may stop in the
middle of a command.
"""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from aforo.simulation.virtual_device import DeviceCrashed
from aforo.simulator.concentrator_settings import MeterPort
from aforo.simulator.meter import Meter
from aforo.simulator.meter_settings import EventCode, MeterEvent


class Holding(Struct, frozen=True):
    """What a meter holds from `at` on. watts: threshold.   by_command: of its management client, not a local act.

    is_limit: the threshold is what has changed.   cut: whether the switch was opened remotely, None when nothing was
    said to it.   apdu: what did it.
    """

    at: datetime
    meter: str
    watts: int
    by_command: bool
    is_limit: bool = True
    cut: bool | None = None
    apdu: bytes = b""


class Passing(Struct, frozen=True):
    """What the line lets through now. stops: the concentrator dies "before" or "after" the meter has heard."""

    request: bool = True
    answer: bool = True
    stops: str = ""


class LineWatch(Protocol):
    def passing(self, meter: str, now: datetime) -> Passing: ...

    def heard(self, meter: str, apdu: bytes, now: datetime) -> None: ...

    def held(self, holding: Holding) -> None: ...


_SWITCHED = {EventCode.REMOTE_DISCONNECT: True, EventCode.REMOTE_RECONNECT: False}


class WatchedLine:
    """See `MeterPort`."""

    def __init__(self, meter: Meter, watch: LineWatch) -> None:
        self._meter = meter
        self._line: MeterPort = meter.line()
        self._watch = watch

    def respond(self, client_sap: int, server_sap: int, apdu: bytes, now: datetime) -> bytes | None:
        meter = self._meter
        passing = self._watch.passing(meter.number, now)
        if passing.stops == "before":
            raise DeviceCrashed
        if not passing.request:
            return None
        meter.advance(now)
        self._watch.heard(meter.number, apdu, now)
        threshold, latest = meter.threshold, _latest(meter)
        try:
            answer = self._line.respond(client_sap, server_sap, apdu, now)
        finally:
            self._note(threshold, latest, apdu, now)
        if passing.stops == "after":
            raise DeviceCrashed
        return answer if passing.answer else None

    def _note(self, threshold: int, latest: MeterEvent | None, apdu: bytes, now: datetime) -> None:
        meter, event = self._meter, _latest(self._meter)
        cut = None if event is latest or event is None else _SWITCHED.get(event.code)
        if meter.threshold != threshold or cut is not None:
            is_limit = meter.threshold != threshold
            self._watch.held(Holding(now, meter.number, meter.threshold_w, True, is_limit, cut, apdu))


def _latest(meter: Meter) -> MeterEvent | None:
    return meter.memory.events[-1] if meter.memory.events else None
