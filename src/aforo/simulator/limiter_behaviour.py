"""How a limiter decides to cut: one model, and parameter sets of it for those seen in the field.

Bands with a delay each, or a curve between points (inverse time), or a first-order low-pass filter over the square of
the load; then when it closes again by itself, and after how many trips it stays open.
"""

from dataclasses import dataclass
from math import ceil, exp, log


@dataclass(frozen=True, slots=True)
class Band:
    """Loads above so many times the threshold cut after delay_s; None: never."""

    above: float
    delay_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterBehaviour:
    """Give bands, rising, or curve, or filter_b.

    curve: loads in times the threshold and the seconds after which they cut, rising loads; between two points along the
    straight line of their logarithms, beyond the last as there, below the first never.
    filter_b: each second Y becomes filter_b·X² + (1 - filter_b)·Y, X the load in times the threshold; cut when Y is
    above filter_trips_at².   recloses_after_s: None leaves it to somebody.
    lockout_trips: of so many within lockout_window_s the last one is not closed again; 0: never locked out.
    """

    title: str
    bands: tuple[Band, ...] = ()
    curve: tuple[tuple[float, float], ...] = ()
    filter_b: float = 0.0
    filter_trips_at: float = 1.0
    recloses_after_s: float | None = None
    lockout_trips: int = 0
    lockout_window_s: float = 0.0

    def trip_in_s(self, heat: float, load: float) -> float | None:
        """Until it cuts, if the load stays so. heat: what `heat_after` has told.   load: in times the threshold.

        None: never.
        """
        if self.filter_b:
            return self._filter_trip_in_s(heat, load)
        delay_s = self._delay_s(load)
        return None if delay_s is None else max(0.0, (1.0 - heat) * delay_s)

    def heat_after(self, heat: float, load: float, seconds: float) -> float:
        """0 is cold. Of bands and curves the share of the delay that has passed; a load that may stay lets it cool at
        once. Of a filter its Y.
        """
        if self.filter_b:
            kept: float = (1.0 - self.filter_b) ** seconds
            return load * load * (1.0 - kept) + heat * kept
        delay_s = self._delay_s(load)
        if delay_s is None:
            return 0.0
        return 1.0 if delay_s == 0 else min(1.0, heat + seconds / delay_s)

    def is_locked_out(self, trips_s: tuple[float, ...]) -> bool:
        """trips_s: how many seconds ago each trip was, the latest among them."""
        if not self.lockout_trips:
            return False
        return sum(ago_s <= self.lockout_window_s for ago_s in trips_s) >= self.lockout_trips

    def _filter_trip_in_s(self, heat: float, load: float) -> float | None:
        """Whole seconds: the filter takes a sample each."""
        driven, trips_at = load * load, self.filter_trips_at**2
        if heat > trips_at:
            return 0.0
        if driven <= trips_at:
            return None
        return float(ceil(log((driven - trips_at) / (driven - heat)) / log(1.0 - self.filter_b)))

    def _delay_s(self, load: float) -> float | None:
        if self.curve:
            return self._curve_delay_s(load)
        met = [band for band in self.bands if load > band.above]
        return met[-1].delay_s if met else None

    def _curve_delay_s(self, load: float) -> float | None:
        if load < self.curve[0][0]:
            return None
        for (low, slow_s), (high, fast_s) in zip(self.curve, self.curve[1:], strict=False):
            if load < high:
                share = log(load / low) / log(high / low)
                return exp(log(slow_s) + share * (log(fast_s) - log(slow_s)))
        return self.curve[-1][1]


BEHAVIOURS: dict[str, LimiterBehaviour] = {
    "italy-1g": LimiterBehaviour(
        title="Italy, first generation: 10 % more for ever, up to a third more for three hours, above for two minutes",
        bands=(Band(1.10, 180 * 60), Band(4 / 3, 120)),
    ),
    "spain-icp": LimiterBehaviour(
        title="Spain, ICP in the meter: half as much again for a quarter of an hour, twice as much for five minutes",
        curve=((1.5, 900), (2.0, 300)),
    ),
    "linky": LimiterBehaviour(
        title="France: squares of the load through a low-pass filter each second, cut at 1.3 times the subscription",
        filter_b=0.008,
        filter_trips_at=1.3,
    ),
    "sts-prepay": LimiterBehaviour(
        title="Prepayment: 30 s, closed again after 2 min, stays open after 4 trips in half an hour",
        bands=(Band(1.0, 30),),
        recloses_after_s=120,
        lockout_trips=4,
        lockout_window_s=1_800,
    ),
}
"""By name; what each is known for is in its title. A meter with none keeps to its Limiter object's own durations."""
