"""Meters that come to be heard by another concentrator: a town's lines are switched over, and nobody is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

from aforo.simulator.town_plan import TownPlan, meters_of

MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Move:
    at: datetime
    meter: str
    to: str


def moves(plan: TownPlan, since: datetime) -> Iterator[Move]:
    """Without end, the earliest first; none when the town has none. Each goes to a neighbour of its kind: the next
    concentrator of the file, or the one before.
    """
    chance = Random(f"moves {plan.seed}")  # noqa: S311 (a simulation's, to be repeated)
    neighbours = _neighbours(plan)
    places = [(meter.number, one.number) for one in plan.concentrator for meter in meters_of(one) if meter.in_table]
    places = [(meter, number) for meter, number in places if neighbours[number]]
    where = dict(places)
    per_month = len(places) * plan.moved_per_month
    at = since
    while per_month > 0:
        at += chance.expovariate(per_month) * MONTH
        meter, _ = places[chance.randrange(len(places))]
        where[meter] = chance.choice(neighbours[where[meter]])
        yield Move(at, meter, where[meter])


def _neighbours(plan: TownPlan) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {one.number: [] for one in plan.concentrator}
    for link in {one.link for one in plan.concentrator}:
        row = [one.number for one in plan.concentrator if one.link == link]
        for here, there in pairwise(row):
            found[here].append(there)
            found[there].append(here)
    return found
