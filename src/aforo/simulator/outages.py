"""When something cannot be reached: stretches of time that follow from a seed, worked out day by day when asked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from random import Random

DAY = timedelta(days=1)
DAY_S = 86_400.0
PIECES_MAX = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Outage:
    """Up to, and without, its end. cause: in a word, for whoever compares what was told with what was so."""

    begin: datetime
    end: datetime
    cause: str


class Outages:
    """of_day: those that begin on a day, counted from 1970 in UTC.   longest: none lasts longer."""

    __slots__ = ("_days_back", "_known", "_of_day")

    def __init__(self, of_day: Callable[[int], Sequence[Outage]], longest: timedelta = DAY) -> None:
        self._of_day = of_day
        self._days_back = ceil(longest / DAY)
        self._known: dict[int, Sequence[Outage]] = {}

    def at(self, now: datetime) -> Outage | None:
        """The one that ends last of those under way."""
        today = (now - _EPOCH) // DAY
        under_way = None
        for day in range(today - self._days_back, today + 1):
            for outage in self._on(day):
                if outage.begin <= now < outage.end and (under_way is None or outage.end > under_way.end):
                    under_way = outage
        return under_way

    def begun(self, after: datetime, now: datetime) -> Iterator[Outage]:
        """Those that began since then; what lies further back than the longest one is not looked at."""
        today = (now - _EPOCH) // DAY
        first = max((after - _EPOCH) // DAY, today - self._days_back)
        for day in range(first, today + 1):
            yield from (outage for outage in self._on(day) if after < outage.begin <= now)

    def _on(self, day: int) -> Sequence[Outage]:
        known = self._known.get(day)
        if known is None:
            if len(self._known) > self._days_back:
                self._known = {kept: found for kept, found in self._known.items() if abs(kept - day) <= self._days_back}
            known = self._known[day] = self._of_day(day)
        return known


@dataclass(frozen=True, slots=True)
class Lasting:
    """A lognormal duration in seconds. sigma: 0 for one that is always alike."""

    median_s: float
    sigma: float = 0.0

    def drawn_s(self, chance: Random) -> float:
        return self.median_s * chance.lognormvariate(0.0, self.sigma) if self.sigma else self.median_s


def begun_on(day: int) -> datetime:
    """When a day began."""
    return _EPOCH + day * DAY


def spread_over(day: int, away_s: float, lasting: Lasting, chance: Random, cause: str) -> Iterator[Outage]:
    """At most PIECES_MAX outages of that duration that add up to away_s of the day, without touching each other."""
    durations = list[float]()
    missing_s = min(away_s, DAY_S)
    shortest_s = max(1.0, missing_s / PIECES_MAX)
    while missing_s > 0:
        durations.append(min(missing_s, max(shortest_s, lasting.drawn_s(chance))))
        missing_s -= durations[-1]
    free_s = DAY_S - sum(durations)
    starts = sorted(chance.uniform(0.0, free_s) for _ in durations)
    behind_s, end = 0.0, begun_on(day)
    for start_s, lasts_s in zip(starts, durations, strict=True):
        begin = max(end, begun_on(day) + (start_s + behind_s) * _SECOND)  # whole microseconds may overlap by one
        end = begin + lasts_s * _SECOND
        yield Outage(begin, end, cause)
        behind_s += lasts_s


def happening(day: int, per_day: float, lasting: Lasting, chance: Random, cause: str) -> Iterator[Outage]:
    """So many on average, independently of each other: the gaps are exponential."""
    if per_day <= 0:
        return
    at_s = chance.expovariate(per_day / DAY_S)
    while at_s < DAY_S:
        begin = begun_on(day) + at_s * _SECOND
        yield Outage(begin, begin + lasting.drawn_s(chance) * _SECOND, cause)
        at_s += chance.expovariate(per_day / DAY_S)
