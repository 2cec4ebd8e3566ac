"""What a household draws, as a pure function of a seed and the time: whole watts, constant within each step."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Protocol

from aforo.simulator.households import HOUSEHOLDS, Appliance, HouseholdKind
from aforo.simulator.sunshine import Place

STEP_S = 10
"""A load changes at whole multiples of this many seconds, at most."""

SANTIAGO = Place(-33.45, -70.67)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(seconds=STEP_S)
_STEPS_OF_DAY = 86_400 // STEP_S
_SATURDAY = 5
_MASK = (1 << 64) - 1


class Load(Protocol):
    def watts(self, at: datetime) -> int:
        """Below 0: fed into the network."""
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


_FRIDGE_W, _FRIDGE_ON_S, _FRIDGE_CYCLE_S = 110, 900, 2_700
_RIPPLE_W = 15
_CLOUD_S = 600
"""A cloud is there, or not, for so long."""


@dataclass(frozen=True, slots=True)
class HouseholdLoad:
    """seed: which household.   zone: its clock, so that its evening is in the evening.   place: of its sun."""

    seed: int
    kind: HouseholdKind = HOUSEHOLDS["house"]
    zone: tzinfo = UTC
    place: Place = SANTIAGO

    def watts(self, at: datetime) -> int:
        step = (at - _EPOCH) // _STEP
        begun = _EPOCH + step * _STEP
        local = begun.astimezone(self.zone)
        season = _season(self.place, step // _STEPS_OF_DAY)
        drawn = self._base(local, season) + self._fridge(step * STEP_S) + self._appliances(local, season)
        ripple = _chance(self.seed, step, 2) % (2 * _RIPPLE_W + 1) - _RIPPLE_W
        return max(0, drawn + ripple) - self._solar(begun, local)

    def steady_until(self, at: datetime) -> datetime:
        return _next_step(at)

    def _base(self, local: datetime, season: float) -> int:
        """Between the hours, a straight line."""
        kind = self.kind
        size = kind.smallest + _chance(self.seed, 0, 1) % (kind.largest - kind.smallest + 1)
        here, there = kind.base_w[local.hour], kind.base_w[(local.hour + 1) % 24]
        base = here + (there - here) * (local.minute * 60 + local.second) // 3_600
        return int(base * size * (1 + 0.1 * season)) // 100

    def _fridge(self, second: int) -> int:
        phase = _chance(self.seed, 0, 3) % _FRIDGE_CYCLE_S
        return _FRIDGE_W if (second + phase) % _FRIDGE_CYCLE_S < _FRIDGE_ON_S else 0

    def _appliances(self, local: datetime, season: float) -> int:
        minute, watts = local.hour * 60 + local.minute, 0
        for place, appliance in enumerate(self.kind.appliances, 4):
            if not appliance.earliest * 60 <= minute < appliance.latest * 60 + appliance.minutes:
                continue
            if appliance.working_days and local.weekday() >= _SATURDAY:
                continue
            if _runs(appliance, minute * 60 + local.second, season, _chance(self.seed, local.toordinal(), place)):
                watts += appliance.watts
        return watts

    def _solar(self, begun: datetime, local: datetime) -> int:
        """What the panels make: less under a cloud, and there are days of many."""
        if not self.kind.solar_w:
            return 0
        sun = self.place.sun(begun)
        if not sun:
            return 0
        cloudy_percent = _chance(0, local.toordinal(), 100) % 90  # one sky for all
        is_under_cloud = _chance(0, int(begun.timestamp()) // _CLOUD_S, 101) % 100 < cloudy_percent
        return int(self.kind.solar_w * sun * (0.3 if is_under_cloud else 1.0))


@lru_cache(maxsize=64)
def _season(place: Place, day: int) -> float:
    """In the middle of a day since 1970."""
    return place.season(_EPOCH + timedelta(days=day, hours=12))


def _runs(appliance: Appliance, of_day: int, season: float, chance: int) -> bool:
    lasts, earliest, latest = appliance.minutes * 60, appliance.earliest * 3_600, appliance.latest * 3_600
    begins = earliest + chance // 100 % (latest - earliest)
    middle = (appliance.summer_percent + appliance.winter_percent) / 2
    percent = middle + season * (appliance.winter_percent - appliance.summer_percent) / 2
    return chance % 100 < percent and begins <= of_day < begins + lasts


def _next_step(at: datetime) -> datetime:
    return _EPOCH + ((at - _EPOCH) // _STEP + 1) * _STEP


def _chance(seed: int, place: int, use: int) -> int:
    """64 bits that look random and are the same for the same three numbers (the finaliser of SplitMix64)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + place * 0xC2B2AE3D27D4EB4F + use * 0x165667B19E3779F9) & _MASK
    mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & _MASK
    return mixed ^ mixed >> 31
