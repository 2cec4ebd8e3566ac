"""What an order costs with few and with many orders stored, on one database that grows meanwhile."""

import statistics
from pathlib import Path
from typing import Any

from aforo.app.bench_processes import lengthen_database
from aforo.app.console_output import complain
from aforo.app.order_wave import Machine, measure_wave, whole_machine
from aforo.simulator.town_plan import TownPlan, small_town

WAVE, WAVES = 1_000, 3
"""Orders at a time, and how often: the median counts."""

HISTORIES = (10_000, 1_000_000)
"""Orders stored."""


def history_rows() -> list[dict[str, Any]]:
    plan = small_town(concentrators=10, meters=WAVE, link="delegated")
    with whole_machine(plan) as (machine, folder, loop):
        return loop.run(_with_history(folder, plan, machine))


async def _with_history(folder: Path, plan: TownPlan, machine: Machine) -> list[dict[str, Any]]:
    rows, costs = list[dict[str, Any]](), list[float]()
    await measure_wave(machine, plan, "W")
    stored = WAVE
    for size in HISTORIES:
        complain(f"{size:,} orders stored ...")
        stored = await lengthen_database(folder, copies=max(1, round(size / stored) - 1))
        waves = [await measure_wave(machine, plan, f"H{size}-{place}") for place in range(WAVES)]
        spent = [wave["head_end_cpu_ms_per_order"] + wave["postgres_cpu_ms_per_order"] for wave in waves]
        costs.append(statistics.median(spent))
        rows.append(
            {"name": f"cpu_ms_per_order_with_{stored}_stored", "value": round(costs[-1], 2), "unit": "ms", "peers": {}}
        )
        stored += WAVE * WAVES
    ratio = round(costs[-1] / costs[0], 2)
    return [*rows, {"name": "cost_with_long_history_to_short", "value": ratio, "unit": "ratio", "peers": {}}]
