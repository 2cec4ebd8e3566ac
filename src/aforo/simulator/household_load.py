"""What a household draws, as a pure function of a seed and the time: whole watts, constant within each step."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

STEP_S = 10
"""A load changes at whole multiples of this many seconds, at most."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(seconds=STEP_S)
_DAY_S = 86_400
_MASK = (1 << 64) - 1


class Load(Protocol):
    def watts(self, at: datetime) -> int:
        """Never negative."""
        ...

    def steady_until(self, at: datetime) -> datetime | None:
        """A moment after `at` up to which watts(at) holds; None: for good."""
        ...


@dataclass(frozen=True, slots=True)
class FixedLoad:
    drawn_w: int

    def watts(self, at: datetime) -> int:  # noqa: ARG002 (always the same)
        return self.drawn_w

    def steady_until(self, at: datetime) -> None:  # noqa: ARG002 (for good)
        return None


@dataclass(frozen=True, slots=True)
class UnsteadyLoad:
    """around_w give or take up to by_w, drawn anew every step."""

    around_w: int
    by_w: int
    seed: int

    def watts(self, at: datetime) -> int:
        drawn = _chance(self.seed, (at - _EPOCH) // _STEP, 0) % (2 * self.by_w + 1)
        return max(0, self.around_w - self.by_w + drawn)

    def steady_until(self, at: datetime) -> datetime:
        return _next_step(at)


@dataclass(frozen=True, slots=True)
class Appliance:
    """Runs once a day for `minutes`, on `percent` of the days, beginning between the hours `earliest` and `latest`."""

    watts: int
    minutes: int
    earliest: int
    latest: int
    percent: int


APPLIANCES = (
    Appliance(watts=1_900, minutes=4, earliest=6, latest=9, percent=95),  # kettle
    Appliance(watts=1_100, minutes=8, earliest=12, latest=14, percent=70),  # microwave oven
    Appliance(watts=2_100, minutes=40, earliest=18, latest=20, percent=45),  # oven
    Appliance(watts=1_900, minutes=5, earliest=19, latest=21, percent=80),  # kettle again
    Appliance(watts=2_000, minutes=25, earliest=9, latest=17, percent=40),  # washing machine, while it heats
    Appliance(watts=1_500, minutes=90, earliest=19, latest=22, percent=50),  # heater
    Appliance(watts=1_200, minutes=20, earliest=20, latest=22, percent=35),  # iron
)
_BASE_W = (
    *(120, 105, 95, 90, 90, 110, 200, 300, 260, 200, 180, 190),
    *(260, 280, 220, 200, 210, 250, 360, 460, 520, 480, 360, 200),
)
"""Lighting, standby and small devices by hour of the day: low at night, a little hill at noon, the evening's peak."""

_FRIDGE_W, _FRIDGE_ON_S, _FRIDGE_CYCLE_S = 110, 900, 2_700
_RIPPLE_W = 15


@dataclass(frozen=True, slots=True)
class HouseholdLoad:
    """seed: which household.   local: its clock against UTC, so that its evening is in the evening."""

    seed: int
    local: timedelta = timedelta(0)

    def watts(self, at: datetime) -> int:
        second = (at - _EPOCH + self.local) // _STEP * STEP_S
        day, of_day = divmod(second, _DAY_S)
        size = 70 + _chance(self.seed, 0, 1) % 81  # percent: from a small flat to a large house
        ripple = _chance(self.seed, second, 2) % (2 * _RIPPLE_W + 1) - _RIPPLE_W
        return max(0, _base(of_day) * size // 100 + ripple + self._fridge(second) + self._appliances(day, of_day))

    def steady_until(self, at: datetime) -> datetime:
        return _next_step(at)

    def _fridge(self, second: int) -> int:
        phase = _chance(self.seed, 0, 3) % _FRIDGE_CYCLE_S
        return _FRIDGE_W if (second + phase) % _FRIDGE_CYCLE_S < _FRIDGE_ON_S else 0

    def _appliances(self, day: int, of_day: int) -> int:
        watts = 0
        for place, appliance in enumerate(APPLIANCES, 4):
            lasts = appliance.minutes * 60
            earliest, latest = appliance.earliest * 3_600, appliance.latest * 3_600
            if earliest <= of_day < latest + lasts:
                chance = _chance(self.seed, day, place)
                begins = earliest + chance // 100 % (latest - earliest)
                if chance % 100 < appliance.percent and begins <= of_day < begins + lasts:
                    watts += appliance.watts
        return watts


def _next_step(at: datetime) -> datetime:
    return _EPOCH + ((at - _EPOCH) // _STEP + 1) * _STEP


def _base(of_day: int) -> int:
    """Between the hours, a straight line."""
    hour, rest = divmod(of_day, 3_600)
    here, there = _BASE_W[hour], _BASE_W[(hour + 1) % 24]
    return here + (there - here) * rest // 3_600


def _chance(seed: int, place: int, use: int) -> int:
    """64 bits that look random and are the same for the same three numbers (the finaliser of SplitMix64)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + place * 0xC2B2AE3D27D4EB4F + use * 0x165667B19E3779F9) & _MASK
    mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & _MASK
    return mixed ^ mixed >> 31
