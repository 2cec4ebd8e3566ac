"""A working day of a steady fleet: what fails, how often, and how many orders are done all the same on the same day.

The rates are per order, so that they can be compared with what head-ends publish (domain.md, 3.5): hard faults keep an
order from being done that day, soft ones keep its first try from succeeding and pass.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import log, sqrt
from random import Random

from aforo.domain.order import Fact, Order
from aforo.domain.order_states import OrderState
from aforo.simulation.faults import begin_fault
from aforo.simulation.schedule import PlannedFault, PlannedOrder, Scenario, Schedule
from aforo.simulation.world import BEGIN, World

STEADY = Scenario(
    name="steady",
    title="a working day of a steady fleet, one order a meter",
    orders=500,
    delegated=(60, 80, 90, 120, 150),
    transparent=(),
    direct=0,
    faults={},
)
ORDERED_S = (8 * 3600.0, 12 * 3600.0)
DAY_S = 86_400.0
RECOVERS = 0.95
"""Share of soft faults that pass within the working day."""

OUTAGE_S = (15 * 60.0, 1.38)
"""Of a meter that is not heard: lognormal, median 15 minutes, mean 39 (domain.md 3.5)."""

CONCENTRATOR_OUTAGE_S = (300.0, 3_600.0)


@dataclass(frozen=True, slots=True)
class Rate:
    """share: of orders that meet it.   fault: a key of `aforo.simulation.faults.FAULTS`.   of: "meter", or
    "concentrator" for one that all its orders of that time meet together.
    """

    name: str
    share: float
    fault: str
    is_hard: bool
    of: str = "meter"


RATES: tuple[Rate, ...] = (
    Rate("permanent failure", 0.004, "meter_silent", True),
    Rate("not commissioned", 0.002, "not_commissioned", True),
    Rate("not in the concentrator's table", 0.001, "table_loss", True),
    Rate("concentrator away all day", 0.0005, "path_cut", True, "concentrator"),
    Rate("relay stuck", 0.0003, "pretends", True),
    Rate("access denied", 0.0002, "denies", True),
    Rate("wrong key", 0.0002, "wrong_key", True),
    Rate("counter not recovered", 0.0001, "counter_far", True),
    Rate("verify mismatch", 0.0003, "pretends", True),
    Rate("unreachable for a time", 0.022, "meter_silent", False),
    Rate("no response", 0.012, "meter_silent", False),
    Rate("concentrator away for a time", 0.006, "path_cut", False, "concentrator"),
    Rate("modem or SIM", 0.001, "path_cut", False, "concentrator"),
    Rate("concentrator busy", 0.002, "busy", False, "concentrator"),
    Rate("counter lost", 0.001, "counter_lost", False),
)
"""The defaults of domain.md, 3.5, unchanged. Clock skew (0.001) keeps back only orders that must not begin late, of
which there are none here.
"""


@dataclass(frozen=True, slots=True)
class Day:
    """orders: given.   first_try: verified by the one visit that there was.   on_the_day: verified before midnight.
    hard: that met a hard fault.
    """

    orders: int
    first_try: int
    on_the_day: int
    hard: int


def simulate_day(seed: int) -> Day:
    schedule, hard = steady_schedule(seed)
    world = World(STEADY, seed, begin_fault, schedule)
    outcome = world.run()
    assert not outcome.violations, f"seed {seed}: {outcome.violations[0]}"
    orders = list(world.truth.orders.values())
    midnight = BEGIN + timedelta(seconds=DAY_S)
    done = [order for order in orders if order.state is OrderState.VERIFIED]
    return Day(
        orders=len(orders),
        first_try=sum(_is_first_try(order, world.facts_of(order)) for order in done),
        on_the_day=sum(order.ended_at is not None and order.ended_at < midnight for order in done),
        hard=len(hard),
    )


def steady_schedule(seed: int) -> tuple[Schedule, set[str]]:
    """And the meters that a hard fault keeps from being limited that day."""
    chance = Random(f"steady {seed}")  # noqa: S311 (a simulation's, to be repeated)
    places, first = list[tuple[str, str]](), 1
    for number, size in enumerate(STEADY.delegated, 1):
        places += [(f"M-{first + place:03d}", f"CT-{number}") for place in range(size)]
        first += size
    orders = tuple(
        PlannedOrder(
            at_s=chance.uniform(*ORDERED_S), number=f"O-{meter}", kind="LIMIT", meter=meter, watts=1_000 + place
        )
        for place, (meter, _) in enumerate(places)
    )
    faults, hard = list[PlannedFault](), set[str]()
    for order, (meter, _) in zip(orders, places, strict=True):
        for rate in RATES:
            if rate.of == "meter" and chance.random() < rate.share:
                faults.append(_of_meter(rate, order, chance))
                hard |= {meter} if rate.is_hard else set()
                break
    for concentrator in sorted({concentrator for _, concentrator in places}):
        for rate in RATES:
            if rate.of == "concentrator":
                found = list(_of_concentrator(rate, concentrator, chance))
                faults += found
                if found and rate.is_hard:
                    hard |= {meter for meter, place in places if place == concentrator}
    return Schedule(orders=orders, faults=tuple(sorted(faults, key=lambda fault: fault.at_s))), hard


def _of_meter(rate: Rate, order: PlannedOrder, chance: Random) -> PlannedFault:
    """A soft one begins shortly before the order, so that the order meets it."""
    if rate.is_hard:
        return PlannedFault(at_s=0.0, kind=rate.fault, target=order.meter, lasts_s=DAY_S)
    median_s, sigma = OUTAGE_S
    lasts_s = chance.lognormvariate(log(median_s), sigma)
    passes = chance.random() < RECOVERS
    begins_s = max(0.0, order.at_s - chance.uniform(1, 60))
    return PlannedFault(
        at_s=begins_s, kind=rate.fault, target=order.meter, lasts_s=min(lasts_s, 4 * 3600.0) + 60 if passes else DAY_S
    )


def _of_concentrator(rate: Rate, number: str, chance: Random) -> Iterator[PlannedFault]:
    """So much of the time in which orders come that the share of orders is met."""
    begin_s, end_s = ORDERED_S
    if rate.is_hard:
        if chance.random() < rate.share:
            yield PlannedFault(at_s=0.0, kind=rate.fault, target=number, lasts_s=DAY_S)
        return
    shortest_s, longest_s = CONCENTRATOR_OUTAGE_S
    mean_s = (shortest_s + longest_s) / 2
    if chance.random() < rate.share * (end_s - begin_s) / mean_s:
        lasts_s = chance.uniform(shortest_s, longest_s)
        at_s = chance.uniform(begin_s - lasts_s / 2, end_s - lasts_s / 2)
        yield PlannedFault(at_s=at_s, kind=rate.fault, target=number, lasts_s=lasts_s)


def _is_first_try(order: Order, facts: list[Fact]) -> bool:
    names = [fact.name for fact in facts]
    return order.attempts == 1 and names.count("OrderDispatched") == 1 and "VisitNotPossible" not in names


def interval(found: int, of: int) -> tuple[float, float]:
    """Wilson's, 95 %."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, found / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return middle - half, middle + half
