"""What a concentrator hears of one meter over a line that is not perfect."""

from collections.abc import Callable
from datetime import datetime
from random import Random

from aforo.simulator.concentrator_settings import MeterPort
from aforo.simulator.line_ways import LineWays
from aforo.simulator.outages import Outage


class MediaLine:
    """See `MeterPort`. A meter that is away hears nothing; else the request is lost as often as the answer."""

    __slots__ = ("_chance", "_line", "_meter", "_not_heard", "_ways")

    def __init__(
        self,
        line: MeterPort,
        meter: str,
        ways: LineWays,
        chance: Random,
        not_heard: Callable[[str, str], None] | None = None,
    ) -> None:
        """not_heard: told of the meter and the cause at every exchange that it is away from."""
        self._line = line
        self._meter = meter
        self._ways = ways
        self._chance = chance
        self._not_heard = not_heard

    def respond(self, client_sap: int, server_sap: int, apdu: bytes, now: datetime) -> bytes | None:
        """A lost answer is to something that the meter has done."""
        way = self._ways.way(self._meter, now)
        if isinstance(way, Outage):
            if self._not_heard is not None:
                self._not_heard(self._meter, way.cause)
            return None
        is_lost = self._chance.random() < way.loss
        if is_lost and self._chance.random() < 0.5:
            return None
        answer = self._line.respond(client_sap, server_sap, apdu, now)
        return None if is_lost else answer
