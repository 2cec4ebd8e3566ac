"""What a session with a concentrator keeps in the head-end's memory, at rest and at work."""

import asyncio
from typing import Any

from aforo.app.bench_processes import usage_of
from aforo.app.order_wave import Machine, measure_wave, whole_machine
from aforo.simulator.town_plan import TownPlan, small_town

SESSIONS = 5_000
LINE_DELAY_MS = 3_000
"""Of one exchange: an order takes so many of them that every concentrator has its own under way at the same time."""

LOOK_EVERY_S = 0.5


def session_memory_rows() -> list[dict[str, Any]]:
    plan = small_town(concentrators=SESSIONS, meters=SESSIONS, line_delay_ms=LINE_DELAY_MS)
    with whole_machine(plan) as (machine, _, loop):
        figures = loop.run(_measured(machine, plan))
    each = {name: (figures[name] - figures["before"]) * 1024 / SESSIONS for name in ("busy", "idle")}
    told: list[tuple[str, float, str]] = [
        (f"head_end_memory_with_{SESSIONS}_busy_sessions", round(figures["busy"]), "MiB"),
        (f"head_end_memory_with_{SESSIONS}_idle_sessions", round(figures["idle"]), "MiB"),
        ("memory_of_a_busy_session", round(each["busy"], 1), "KiB"),
        ("memory_of_an_idle_session", round(each["idle"], 1), "KiB"),
    ]
    return [{"name": name, "value": value, "unit": unit, "peers": {}} for name, value, unit in told]


async def _measured(machine: Machine, plan: TownPlan) -> dict[str, float]:
    """MiB. Busy is the most that was seen while orders were out; idle is when all are done, and sessions are kept."""
    (process,) = machine.headends
    seen = {"before": usage_of(process).memory_mib, "busy": 0.0}

    async def look() -> None:
        while True:
            seen["busy"] = max(seen["busy"], usage_of(process).memory_mib)
            await asyncio.sleep(LOOK_EVERY_S)

    looking = asyncio.create_task(look())
    await measure_wave(machine, plan)
    looking.cancel()
    return {**seen, "idle": usage_of(process).memory_mib}
