"""The town of a scenario: its plan, and how long its lines take."""

from datetime import timedelta
from random import Random
from typing import Any

from aforo.simulation.schedule import Scenario
from aforo.simulator.town_plan import ConcentratorPlan, MeterPlan, TownPlan

FRAMINGS = ("wrapper", "udp", "hdlc")
"""Of the direct meters, in turn."""


def exchange_time(median_s: float, chance: Random) -> timedelta:
    """Lognormal, sigma 0.5 (domain.md, 3.5), and never so long that it would count as silence."""
    return timedelta(seconds=min(9.0, median_s * chance.lognormvariate(0.0, 0.5)))


def same_endpoint(endpoint: Any) -> Any:
    """A direct meter's port outlives whatever happens to it."""
    return endpoint


def town_plan(scenario: Scenario, seed: int) -> TownPlan:
    concentrators: list[ConcentratorPlan] = []
    first = 1
    for kind, sizes in (("delegated", scenario.delegated), ("transparent", scenario.transparent)):
        for size in sizes:
            number = f"{'CT' if kind == 'delegated' else 'TR'}-{len(concentrators) + 1}"
            meters = tuple(
                MeterPlan(number=f"M-{place:03d}", contracted_power_w=6_000) for place in range(first, first + size)
            )
            first += size
            line = scenario.lines[len(concentrators) % len(scenario.lines)] if scenario.lines else ""
            one = ConcentratorPlan(number=number, link=kind, meter=meters, line=line, network=scenario.network)
            concentrators.append(one)
    direct = tuple(
        MeterPlan(
            number=f"P-{place:03d}",
            contracted_power_w=6_000,
            framing=FRAMINGS[place % 3],
            port=place + 1,
            network="" if FRAMINGS[place % 3] == "udp" else scenario.network,
        )
        for place in range(scenario.direct)
    )
    return TownPlan(name=scenario.title, seed=seed, concentrator=tuple(concentrators), meter=direct)
