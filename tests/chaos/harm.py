"""What is done to the system, each by its name; when it returns, the harm is over, and everybody is back."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from chaos.system import ChaosSystem

LEASE_S = 6.0
"""See `aforo.engine.leases`: longer harm than this costs a head-end all it holds."""

A_WHILE_S = 2.0


async def kill_headend(system: ChaosSystem) -> None:
    """One of two; the other serves its concentrators until it is back. The time until all are served is noted."""
    victim = system.any_headend()
    await asyncio.to_thread(victim.kill)
    system.served_again_after_s.append(await system.time_to_serve_all())
    await victim.start()


async def kill_integration(system: ChaosSystem) -> None:
    await asyncio.to_thread(system.integration.kill)
    await asyncio.sleep(A_WHILE_S / 4)
    await system.integration.start()


async def kill_postgres(system: ChaosSystem) -> None:
    system.database.kill()
    await asyncio.sleep(A_WHILE_S / 4)
    system.database.restart()


async def kill_everything(system: ChaosSystem) -> None:
    system.database.kill()
    await asyncio.gather(*(asyncio.to_thread(process.kill) for process in system.processes))
    system.database.restart()
    await asyncio.gather(*(process.start() for process in system.processes))


async def cut_from_database(system: ChaosSystem) -> None:
    """One worker's connections are reset, and it gets no others for a while."""
    await _shut([system.chance.randrange(len(system.gates))], system)


async def cut_all_from_database(system: ChaosSystem) -> None:
    await _shut(range(len(system.gates)), system)


async def _shut(places: "list[int] | range", system: ChaosSystem) -> None:
    for place in places:
        system.gates[place].shut()
    await asyncio.sleep(A_WHILE_S)
    for place in places:
        system.gates[place].mend()


async def swallow_to_database(system: ChaosSystem) -> None:
    """Of one head-end, for longer than its leases last: it is not told, and others go on meanwhile."""
    gate = system.gates[1 + system.chance.randrange(len(system.headends))]
    gate.swallow()
    await asyncio.sleep(LEASE_S + A_WHILE_S)
    gate.mend()


async def freeze_headend(system: ChaosSystem) -> None:
    """For longer than its leases last; then it goes on where it was, and believes that nothing has happened."""
    victim = system.any_headend()
    victim.freeze()
    await asyncio.sleep(LEASE_S + A_WHILE_S)
    victim.thaw()


async def disk_full(system: ChaosSystem) -> None:
    system.database.fill()
    await asyncio.sleep(A_WHILE_S)
    system.database.relieve()
    system.database.ensure()


async def clock_jumps(system: ChaosSystem) -> None:
    """Of one worker, ahead or back by a minute and a half; then it is right again."""
    clock = system.clocks[system.chance.randrange(len(system.clocks))]
    _set(clock, system.chance.choice(("90", "-90")))
    await asyncio.sleep(A_WHILE_S)
    _set(clock, "0")


def _set(clock: Path, ahead_s: str) -> None:
    """In one step: the worker reads it at any moment."""
    written = clock.with_suffix(".new")
    written.write_text(ahead_s, encoding="ascii")
    written.replace(clock)


async def upgraded_in_turn(system: ChaosSystem) -> None:
    """Each process is asked to end, drains, and is started again, while the others go on: as with a new version."""
    for process in system.processes:
        await asyncio.to_thread(process.stop)
        await process.start()


async def legacy_away(system: ChaosSystem) -> None:
    """It takes answers in, and acknowledges none."""
    system.legacy.on_answer = lambda: False
    await asyncio.sleep(A_WHILE_S)
    system.legacy.on_answer = lambda: True


HARM: dict[str, Callable[[ChaosSystem], Awaitable[None]]] = {
    harm.__name__: harm
    for harm in (
        kill_headend,
        kill_integration,
        kill_postgres,
        kill_everything,
        cut_from_database,
        cut_all_from_database,
        swallow_to_database,
        freeze_headend,
        disk_full,
        clock_jumps,
        upgraded_in_turn,
        legacy_away,
    )
}
