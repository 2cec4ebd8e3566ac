"""A meter over a line that is not perfect: deaf while it is away, and losing requests and answers alike."""

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

from aforo.simulator.line_ways import LineWays
from aforo.simulator.media import LinePlan
from aforo.simulator.media_line import MediaLine

NOON = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


@dataclass
class Meter:
    asked: int = 0

    def respond(self, client_sap: int, server_sap: int, apdu: bytes, now: datetime) -> bytes | None:
        self.asked += 1
        return apdu


def over(plan: LinePlan) -> tuple[int, int]:
    """Of a thousand exchanges: how many the meter has heard, and how many it has answered."""
    meter = Meter()
    ways = LineWays(plan, None, ["M-1"], seed="1", zone=ZoneInfo("America/Santiago"))
    line = MediaLine(meter, "M-1", ways, Random(1))
    answers = [line.respond(1, 1, b"apdu", NOON) for _ in range(1_000)]
    return meter.asked, answers.count(b"apdu")


def test_a_meter_that_is_away_hears_nothing() -> None:
    assert over(LinePlan(name="dead", dead_days=1.0, whole_days=0.0)) == (0, 0)


def test_of_what_is_lost_one_half_was_heard() -> None:
    heard, answered = over(LinePlan(name="noisy", loss=0.4))

    assert 560 < answered < 640
    assert 760 < heard < 840


def test_nothing_is_lost_without_noise() -> None:
    assert over(LinePlan(name="wire")) == (1_000, 1_000)
