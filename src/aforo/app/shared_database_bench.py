"""One and two head-ends over one database: orders per second, round trips to the database, and waits for locks.

On a machine of two processors two head-ends are no faster than one, for both processors were busy before. What can be
seen there is what they would do to each other on more: trips and lock waits of each order.
"""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from aforo.adapters.postgres.embedded import EmbeddedPostgres
from aforo.adapters.postgres.embedded.address import url_for_others
from aforo.app.bench_processes import Usage, part_in, register_town, usage_of, usage_of_children
from aforo.app.order_wave import Machine, measure_wave, town_in
from aforo.app.system import event_loop
from aforo.simulator.town import Town
from aforo.simulator.town_plan import TownPlan, small_town

CONCENTRATORS, ORDERS = 100, 2_000
HEADENDS = (1, 2)
LOOK_EVERY_S = 0.02
COUNTED_AFTER_S = 1.5
"""A backend tells what it has counted once it has been idle for a second."""


@dataclass
class LockWatch:
    """looks: at the backends, each a round trip of its own.   busy, waiting: backends seen, and those at a lock."""

    looks: int = 0
    busy: int = 0
    waiting: int = 0

    async def watch(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        while True:
            self.looks += 1
            seen = await connection.fetch(
                "SELECT COALESCE(wait_event_type, '') = 'Lock' AS waits FROM pg_stat_activity "
                "WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()"
            )
            self.busy += len(seen)
            self.waiting += sum(row["waits"] for row in seen)
            await asyncio.sleep(LOOK_EVERY_S)


def shared_database_rows() -> list[dict[str, Any]]:
    rows = list[dict[str, Any]]()
    for headends in HEADENDS:
        plan = small_town(concentrators=CONCENTRATORS, meters=ORDERS, link="delegated")
        with (
            tempfile.TemporaryDirectory(prefix="aforo-bench-") as folder,
            EmbeddedPostgres.start(Path(folder) / "postgres") as server,
            town_in(plan) as (town, ports),
            _parts(Path(folder), server, headends) as (url, processes),
            event_loop() as loop,
        ):
            register_town(url, Town(plan), ports)
            machine = Machine(url, processes, town, partial(_with_children, server.process))
            rows += _rows(headends, loop.run(_measured(machine, plan, server)))
    return rows


def _with_children(process: int) -> Usage:
    own, theirs = usage_of(process), usage_of_children(process)
    return Usage(own.cpu_s + theirs.cpu_s, own.memory_mib + theirs.memory_mib)


@contextmanager
def _parts(folder: Path, server: EmbeddedPostgres, headends: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The integration's address, and all processes, itself first."""
    shared = {
        "AFORO_DATABASE_URL": url_for_others(server.connect_arguments()),
        "AFORO_KEK": "11" * 32,
        "AFORO_PERMISSIONS": json.dumps({"bench": ["limits:special"]}),
    }
    with ExitStack() as stack:
        names = ("integration", *["headend"] * headends)
        parts = [stack.enter_context(part_in(name, folder / f"{place}", **shared)) for place, name in enumerate(names)]
        yield parts[0][1], tuple(process for process, _ in parts)


async def _measured(machine: Machine, plan: TownPlan, server: EmbeddedPostgres) -> dict[str, Any]:
    watching, watch = await asyncpg.connect(**server.connect_arguments()), LockWatch()
    try:
        before = await _commits(watching)
        looking = asyncio.create_task(watch.watch(watching))
        figures = await measure_wave(machine, plan)
        looking.cancel()
        await asyncio.wait([looking])
        await asyncio.sleep(COUNTED_AFTER_S)
    finally:
        await watching.close()
    counting = await asyncpg.connect(**server.connect_arguments())
    try:
        trips = await _commits(counting) - before - watch.looks
    finally:
        await counting.close()
    return {
        **figures,
        "database_round_trips_per_order": round(trips / figures["orders"], 2),
        "backends_waiting_for_a_lock": round(100 * watch.waiting / max(1, watch.busy), 2),
        "lock_waits_seen": watch.waiting,
    }


async def _commits(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    """Transactions of the database until now: a statement alone is one."""
    count: int = await connection.fetchval(
        "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    )
    return count


def _rows(headends: int, figures: dict[str, Any]) -> list[dict[str, Any]]:
    units = {
        "end_to_end_orders_per_s": "orders/s",
        "head_end_cpu_ms_per_order": "ms",
        "postgres_cpu_ms_per_order": "ms",
        "database_round_trips_per_order": "",
        "backends_waiting_for_a_lock": "% of busy",
        "lock_waits_seen": "",
    }
    suffix = f"with_{headends}_head_end" + ("s" if headends > 1 else "")
    return [
        {"name": f"{name}_{suffix}", "value": figures[name], "unit": unit, "peers": {}} for name, unit in units.items()
    ]
