"""Which way a meter is heard by its concentrator at a moment: over how many repeaters, over which medium, or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import partial
from random import Random

from aforo.simulator.media import HOURS, LinePlan
from aforo.simulator.outages import DAY_S, Lasting, Outage, Outages, happening, spread_over

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Way:
    """hops: stretches, one more than repeaters.   loss: of an exchange, over all of them."""

    medium: str
    hops: int
    loss: float


class Line:
    """One medium of one concentrator. meters: all that stand on it; what happens to each follows from the seed alone.

    Nothing is worked out for a meter before it is asked for.
    """

    def __init__(self, plan: LinePlan, meters: Sequence[str], *, seed: str, zone: tzinfo) -> None:
        self.plan = plan
        self._seed = seed
        self._zone = zone
        self._levels: dict[str, int] = {}
        self._behind: dict[str, str] = {}
        self._absences: dict[str, Outages] = {}
        self._dips = Outages(self._dips_of)
        self._stretch = Lasting(plan.exchange_ms / 1000, plan.exchange_sigma)
        self._place(meters)

    def way(self, meter: str, now: datetime) -> Way | Outage:
        absence = self._absence(meter, now)
        if absence is not None:
            return absence
        noise = self.plan.noise_percent[now.astimezone(self._zone).hour % HOURS] / 100
        hops = self._levels.get(meter, 0) + 1
        return Way(self.plan.name, hops, 1.0 - (1.0 - min(1.0, self.plan.loss * noise)) ** hops)

    def exchange_s(self, way: Way, chance: Random) -> float:
        """One way and back, with what the meter takes to answer."""
        return way.hops * self._stretch.drawn_s(chance)

    @property
    def always_s(self) -> float | None:
        """How long every exchange takes; None when they differ."""
        return None if self.plan.exchange_sigma or self._levels else self._stretch.median_s

    def repeater_of(self, meter: str) -> str | None:
        """The meter that passes on what is said to this one. None: the concentrator hears it itself."""
        return self._behind.get(meter)

    def _place(self, meters: Sequence[str]) -> None:
        """Each at its distance, behind a meter that is one nearer."""
        chance = self._chance("repeaters")
        by_level: list[list[str]] = [[]]
        for meter in meters:
            level = chance.choices(range(len(self.plan.repeaters)), self.plan.repeaters)[0]
            level = min(level, len(by_level) - 1 + bool(by_level[-1]))
            if level:
                self._levels[meter] = level
                self._behind[meter] = chance.choice(by_level[level - 1])
            if level == len(by_level):
                by_level.append([])
            by_level[level].append(meter)

    def _absence(self, meter: str, now: datetime) -> Outage | None:
        """Its own, the line's, or that of a repeater until another is found."""
        absence = self._own_absence(meter, now)
        repeater = self.repeater_of(meter)
        while absence is None and repeater is not None:
            theirs = self._own_absence(repeater, now)
            if theirs is not None and now < theirs.begin + self.plan.reattach_s * _SECOND:
                absence = Outage(theirs.begin, theirs.begin + self.plan.reattach_s * _SECOND, "repeater")
            repeater = self.repeater_of(repeater)
        return absence

    def _own_absence(self, meter: str, now: datetime) -> Outage | None:
        if self.plan.is_always_heard:
            return None
        absences = self._absences.get(meter)
        if absences is None:
            absences = self._absences[meter] = Outages(partial(self._absences_of, meter))
        return absences.at(now) or self._dip(meter, now)

    def _dip(self, meter: str, now: datetime) -> Outage | None:
        """Whom a dip takes is drawn anew for each."""
        dip = self._dips.at(now) if self.plan.dips_per_day else None
        if dip is None:
            return None
        least, most = self.plan.dip_depth
        depth = self._chance(f"dip {dip.begin.isoformat()}").uniform(least, most)
        return dip if self._chance(f"dip {dip.begin.isoformat()} {meter}").random() < depth else None

    def _dips_of(self, day: int) -> Sequence[Outage]:
        chance = self._chance(f"dips {day}")
        lasting = Lasting(chance.uniform(*self.plan.dip_hours) * 3600)
        return tuple(happening(day, self.plan.dips_per_day, lasting, chance, "dip"))

    def _absences_of(self, meter: str, day: int) -> Sequence[Outage]:
        plan, chance = self.plan, self._chance(f"{meter} {day}")
        lot = chance.random()
        if lot < plan.dead_days:
            return tuple(spread_over(day, DAY_S, Lasting(DAY_S), chance, "dead"))
        if lot < plan.dead_days + plan.whole_days:
            return ()
        away_s = DAY_S * (1.0 - chance.betavariate(plan.heard_alpha, plan.heard_beta))
        return tuple(spread_over(day, away_s, Lasting(plan.away_min * 60, plan.away_sigma), chance, "away"))

    def _chance(self, what: str) -> Random:
        return Random(f"{self._seed} {self.plan.name} {what}")  # noqa: S311 (a simulation's, to be repeated)


class LineWays:
    """The line of a concentrator, with the second medium that its meters may have."""

    def __init__(
        self, plan: LinePlan, other: LinePlan | None, meters: Sequence[str], *, seed: str, zone: tzinfo
    ) -> None:
        self._first = Line(plan, meters, seed=seed, zone=zone)
        self._other = Line(other, meters, seed=seed, zone=zone) if other is not None else None

    @property
    def is_perfect(self) -> bool:
        """Every exchange arrives, at all times."""
        plan = self._first.plan
        return plan.is_always_heard and not plan.loss

    @property
    def always_s(self) -> float | None:
        """How long every exchange takes; None when they differ."""
        return None if self._other is not None else self._first.always_s

    def way(self, meter: str, now: datetime) -> Way | Outage:
        """Handed over once it has been away from the first medium for handover_s, and back when it is heard there."""
        first = self._first.way(meter, now)
        if isinstance(first, Way) or self._other is None:
            return first
        is_handed_over = now - first.begin >= self._first.plan.handover_s * _SECOND
        return self._other.way(meter, now) if is_handed_over else first

    def exchange_s(self, meter: str, now: datetime, chance: Random) -> float:
        """Of a meter that is not heard, as long as it would take if it were heard directly."""
        way = self.way(meter, now)
        heard = way if isinstance(way, Way) else Way(self._first.plan.name, 1, 0.0)
        line = self._other if self._other is not None and heard.medium == self._other.plan.name else self._first
        return line.exchange_s(heard, chance)
