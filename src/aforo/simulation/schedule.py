"""What happens in one run, decided beforehand from its seed: orders, and what goes wrong when. A run can be given less
of it, to find what of it matters.
"""

from dataclasses import dataclass, replace
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    """at_s: since the run began.   watts: of no other order, so that whatever a meter holds can be told apart.

    not_after_s, until_s: since the run began.   cancelled_s: when somebody tries to cancel it.
    is_repeated: sent twice, though it was acknowledged.   is_proved: its effect is to be proved by the demand.
    """

    at_s: float
    number: str
    kind: str
    meter: str
    watts: int | None = None
    is_special: bool = False
    is_urgent: bool = False
    not_after_s: float | None = None
    until_s: float | None = None
    cancelled_s: float | None = None
    is_repeated: bool = False
    is_proved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """kind: a key of `aforo.simulation.faults.FAULTS`.   target: a device's number, or empty.   amount: see there."""

    at_s: float
    kind: str
    target: str = ""
    lasts_s: float = 0.0
    amount: float = 0.0

    def __str__(self) -> str:
        parts = [self.kind, *([self.target] if self.target else [])]
        if self.amount:
            parts.append(f"{self.amount:g}")
        return f"{' '.join(parts)} at {self.at_s:.0f} s for {self.lasts_s:.0f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    orders: tuple[PlannedOrder, ...]
    faults: tuple[PlannedFault, ...]

    @property
    def last_s(self) -> float:
        """After that nothing new happens."""
        moments = [order.at_s for order in self.orders] + [fault.at_s + fault.lasts_s for fault in self.faults]
        return max(moments, default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A kind of run. delegated, transparent: meters of each concentrator of that kind.   direct: meters with none.

    faults: how many of each kind on average.   hours: of the day, between which orders come and faults begin.
    not_after_s: how long those orders wait that may not begin late.   exchange_s: median, on a concentrator's line.
    headends: processes over one store.   lines: kinds of lines shipped with towns, of the concentrators in turn;
    then their times hold instead of exchange_s.   network: the same of the network to concentrators and to direct
    meters that speak TCP.
    """

    name: str
    title: str
    orders: int
    faults: dict[str, float]
    delegated: tuple[int, ...] = (7, 6)
    transparent: tuple[int, ...] = (4,)
    direct: int = 3
    hours: tuple[float, float] = (7.5, 18.5)
    not_after_s: tuple[float, float] = (30.0, 3 * 3600.0)
    exchange_s: float = 0.8
    headends: int = 1
    lines: tuple[str, ...] = ()
    network: str = ""

    @property
    def meters(self) -> int:
        return sum(self.delegated) + sum(self.transparent) + self.direct


_KINDS = ("LIMIT",) * 7 + ("LIMIT_REMOVE", "DISCONNECT", "RECONNECT")


def planned(scenario: Scenario, seed: int, *, meters: tuple[str, ...], concentrators: tuple[str, ...]) -> Schedule:
    """The same for the same seed."""
    chance = Random(f"schedule {scenario.name} {seed}")  # noqa: S311 (a simulation's, to be repeated)
    orders = tuple(_order(scenario, chance, place, meters) for place in range(scenario.orders))
    faults = tuple(_faults(scenario, chance, meters, concentrators))
    return Schedule(
        orders=tuple(sorted(orders, key=lambda order: order.at_s)),
        faults=tuple(sorted(faults, key=lambda fault: fault.at_s)),
    )


def _order(scenario: Scenario, chance: Random, place: int, meters: tuple[str, ...]) -> PlannedOrder:
    at_s = 3600 * chance.uniform(*scenario.hours)
    kind = chance.choice(_KINDS)
    is_limit = kind == "LIMIT"
    return PlannedOrder(
        at_s=at_s,
        number=f"O-{place:04d}",
        kind=kind,
        meter=chance.choice(meters),
        watts=chance.choice((1_000, 3_000, 7_000)) + place if is_limit else None,
        is_special=chance.random() < 0.15,
        is_urgent=chance.random() < 0.2,
        not_after_s=at_s + chance.uniform(*scenario.not_after_s) if chance.random() < 0.25 else None,
        until_s=at_s + chance.uniform(600, 8 * 3600) if is_limit and chance.random() < 0.12 else None,
        cancelled_s=at_s + chance.uniform(0.01, 60) if chance.random() < 0.06 else None,
        is_repeated=chance.random() < 0.1,
        is_proved=is_limit and chance.random() < 0.15,
    )


_OF_METER = frozenset(
    {"meter_silent", "answer_lost", "command_lost", "breaker_sticks", "local_limit", "refuses", "silent_at_command"}
)
_OF_DELEGATED_METER = frozenset({"meter_moves"})
_OF_CONCENTRATOR = frozenset(
    {"concentrator_stops", "concentrator_dies", "noise", "clock_off", "pushes_lost", "table_gap"}
)
_OF_PATH = frozenset({"path_cut", "path_swallows", "reset"})
_LASTS_S = {
    "meter_moves": (0.0, 1_800.0),
    "headend_dies": (1.0, 120.0),
    "headend_dies_at": (1.0, 120.0),
    "headend_freezes": (5.0, 600.0),
    "headend_freezes_at": (100.0, 400.0),
    "concentrator_dies": (5.0, 900.0),
    "concentrator_stops": (5.0, 600.0),
    "path_cut": (5.0, 3_600.0),
    "path_swallows": (5.0, 1_800.0),
    "disk_full": (1.0, 120.0),
    "disk_slow": (10.0, 600.0),
    "disk_away": (1.0, 120.0),
    "commit_unconfirmed": (10.0, 600.0),
    "silent_at_command": (600.0, 14 * 3_600.0),
    "meter_silent": (30.0, 5 * 3_600.0),
    "noise": (60.0, 3_600.0),
    "clock_off": (600.0, 2 * 3_600.0),
    "pushes_lost": (60.0, 3_600.0),
    "legacy_away": (5.0, 3_600.0),
    "legacy_forgets": (60.0, 3_600.0),
    "table_gap": (60.0, 3_600.0),
    "breaker_sticks": (600.0, 4 * 3_600.0),
    "refuses": (60.0, 3_600.0),
}
_AT_A_POINT = frozenset({"headend_dies_at", "headend_freezes_at"})
_POINTS = 9_000
"""Points at which the head-end may die in a run of the standard scenario, about."""

_DECISIONS = 750
"""In a run of `pair`, about: before and after sessions, fences and commits."""


def _faults(
    scenario: Scenario, chance: Random, meters: tuple[str, ...], concentrators: tuple[str, ...]
) -> list[PlannedFault]:
    faults = []
    for kind, mean in scenario.faults.items():
        for _ in range(_count(chance, mean)):
            at_s = 0.0 if kind in _AT_A_POINT else 3600 * chance.uniform(*scenario.hours)
            faults.append(replace(_fault(scenario, chance, kind, meters, concentrators), at_s=at_s))
    return faults


def _fault(
    scenario: Scenario, chance: Random, kind: str, meters: tuple[str, ...], concentrators: tuple[str, ...]
) -> PlannedFault:
    target = ""
    if kind in _OF_METER:
        target = chance.choice(meters)
    elif kind in _OF_DELEGATED_METER:
        target = chance.choice(meters[: sum(scenario.delegated)])  # they come first
    elif kind in _OF_CONCENTRATOR:
        target = chance.choice(concentrators)
    elif kind in _OF_PATH:
        target = chance.choice(concentrators + tuple(meter for meter in meters if meter.startswith("P")))
    amount = {
        "headend_dies_at": float(chance.randrange(1, _POINTS)),
        "headend_freezes_at": float(chance.randrange(1, _DECISIONS)),
        "concentrator_stops": float(chance.randrange(2)),
        "noise": chance.uniform(0.05, 0.6),
        "clock_off": chance.choice((-1, 1)) * chance.uniform(5, 600),
        "local_limit": float(8_000 + chance.randrange(1_000)),
    }.get(kind, 0.0)
    lasts_s = chance.uniform(*_LASTS_S[kind]) if kind in _LASTS_S else 0.0
    return PlannedFault(
        at_s=0.0,
        kind=kind,
        target=target,
        lasts_s=lasts_s,
        amount=amount,
    )


def _count(chance: Random, mean: float) -> int:
    """Binomial, of twice the mean in halves: never far from it, and often none."""
    return sum(chance.random() < 0.5 for _ in range(round(2 * mean)))
