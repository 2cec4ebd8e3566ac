"""What can go wrong in a run: one table, from a fault's name to what it does to the world and what ends it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from aforo.dlms.events import DataAccess
from aforo.dlms.keys import Key, Keys
from aforo.domain.identifiers import ConcentratorNumber
from aforo.simulation.schedule import PlannedFault
from aforo.simulation.watched_line import Holding
from aforo.simulation.world import World

Fault = Callable[[World, PlannedFault], AbstractAsyncContextManager[None]]


async def begin_fault(world: World, fault: PlannedFault) -> None:
    """From its beginning to its end."""
    world.watch.tell(f"fault: {fault}")
    async with FAULTS[fault.kind](world, fault):
        await asyncio.sleep(fault.lasts_s)
    world.watch.tell(f"fault ends: {fault.kind} {fault.target}")


@asynccontextmanager
async def _headend_dies(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    await world.kill_headend(fault.lasts_s)
    yield


@asynccontextmanager
async def _headend_dies_at(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """At its so-and-so-many-th commit, read or send of the run."""
    world.deaths[int(fault.amount)] = fault.lasts_s
    yield


@asynccontextmanager
async def _concentrator_dies(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    world.concentrator_crashed(fault.target)
    yield
    world.device(fault.target).restart()


@asynccontextmanager
async def _concentrator_stops(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """In the middle of its next exchange with a meter. amount: 0 before the meter has heard, 1 after."""
    world.stops[fault.target] = "after" if fault.amount else "before"
    yield
    world.stops.pop(fault.target, None)
    world.device(fault.target).restart()


@asynccontextmanager
async def _path_cut(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    device = world.device(fault.target)
    device.path.cuts += 1
    yield
    world.network.heal(device)


@asynccontextmanager
async def _path_swallows(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    device = world.device(fault.target)
    device.path.swallows = True
    yield
    device.path.swallows = False


@asynccontextmanager
async def _reset(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    world.device(fault.target).reset_connections()
    yield


def _disk(attribute: str) -> Fault:
    @asynccontextmanager
    async def fault(world: World, _: PlannedFault) -> AsyncIterator[None]:
        setattr(world.disk, attribute, True)
        yield
        setattr(world.disk, attribute, False)

    return fault


def _commercial(attribute: str) -> Fault:
    @asynccontextmanager
    async def fault(world: World, _: PlannedFault) -> AsyncIterator[None]:
        setattr(world.commercial, attribute, True)
        yield
        setattr(world.commercial, attribute, False)

    return fault


@asynccontextmanager
async def _meter_silent(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    faults = world.town.meters[fault.target].faults
    faults.silent = True
    yield
    faults.silent = False


@asynccontextmanager
async def _silent_at_command(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """It carries its next command out, and is not heard of from then on."""
    faults = world.town.meters[fault.target].faults
    faults.swallow_answer_to_next_command = True
    world.silent_at_command.add(fault.target)
    yield
    world.silent_at_command.discard(fault.target)
    faults.silent = faults.swallow_answer_to_next_command = False


@asynccontextmanager
async def _answer_lost(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    world.town.meters[fault.target].faults.swallow_answer_to_next_command = True
    yield


@asynccontextmanager
async def _command_lost(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    world.town.meters[fault.target].faults.lose_next_command = True
    yield


@asynccontextmanager
async def _breaker_sticks(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    faults = world.town.meters[fault.target].faults
    faults.breaker_sticks = True
    yield
    faults.breaker_sticks = False


@asynccontextmanager
async def _refuses(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    faults = world.town.meters[fault.target].faults
    faults.refuse_command = DataAccess.TEMPORARY_FAILURE
    yield
    faults.refuse_command = None


@asynccontextmanager
async def _local_limit(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """Somebody sets another threshold at the meter's own optical port. amount: watts."""
    meter = world.town.meters[fault.target]
    meter.advance(world.now())
    limiter = meter.memory.limiter
    assert limiter is not None, "a meter that stands in a town has started"
    limiter.threshold_normal = int(fault.amount)
    world.held(Holding(world.now(), meter.number, meter.threshold_w, by_command=False))
    yield


@asynccontextmanager
async def _noise(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """amount: share of exchanges of which one half is lost."""
    world.noise[fault.target] = fault.amount
    yield
    world.noise.pop(fault.target, None)


@asynccontextmanager
async def _clock_off(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """amount: seconds ahead."""
    world.set_clock(fault.target, fault.amount)
    yield
    world.set_clock(fault.target, 0.0)


@asynccontextmanager
async def _pushes_lost(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    world.town.concentrators[fault.target].drops_pushes = True
    yield
    world.town.concentrators[fault.target].drops_pushes = False


@asynccontextmanager
async def _table_gap(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """A meter falls out of its concentrator's table, and is found again."""
    concentrator = world.town.concentrators[fault.target]
    meter = world.chance.choice(sorted(concentrator.memory.table)) if concentrator.memory.table else ""
    if not meter:
        yield
        return
    access = concentrator.memory.table[meter].access
    concentrator.remove_meter(meter)
    yield
    world.town.concentrators[fault.target].add_meter(meter, access)


@asynccontextmanager
async def _table_loss(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """The meter is not in its concentrator's table."""
    concentrator = world.concentrator_of(fault.target)
    access = world.town.concentrators[concentrator].memory.table[fault.target].access
    world.town.concentrators[concentrator].remove_meter(fault.target)
    yield
    world.town.concentrators[concentrator].add_meter(fault.target, access)


@asynccontextmanager
async def _not_commissioned(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    await world.register(fault.target, commissioned=False)
    yield
    await world.register(fault.target, commissioned=True)


@asynccontextmanager
async def _pretends(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """Commands succeed and change nothing."""
    faults = world.town.meters[fault.target].faults
    faults.pretends_to_obey = True
    yield
    faults.pretends_to_obey = False


@asynccontextmanager
async def _denies(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    faults = world.town.meters[fault.target].faults
    faults.refuse_command = DataAccess.READ_WRITE_DENIED
    yield
    faults.refuse_command = None


@asynccontextmanager
async def _wrong_key(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    faults = world.town.meters[fault.target].faults
    faults.keys = Keys(Key(bytes(16)), Key(bytes(16)))
    yield
    faults.keys = None


@asynccontextmanager
async def _counter_far(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """The meter expects a counter that is further away than one reading may raise it."""
    memory = world.town.meters[fault.target].memory
    memory.client_counter = 0xF000_0000
    concentrator = world.town.concentrators[world.concentrator_of(fault.target)]
    concentrator.memory.meter_counters.setdefault(fault.target, 1)
    yield


@asynccontextmanager
async def _counter_lost(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """The concentrator no longer knows which counter the meter expects."""
    world.town.concentrators[world.concentrator_of(fault.target)].memory.meter_counters.pop(fault.target, None)
    yield


@asynccontextmanager
async def _busy(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """The concentrator takes no order."""
    world.town.concentrators[fault.target].ledger.is_busy = True
    yield
    world.town.concentrators[fault.target].ledger.is_busy = False


@asynccontextmanager
async def _meter_moves(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """To another delegated concentrator; the registry is told when the fault ends."""
    before = world.concentrator_of(fault.target)
    others = sorted(number for number in world.town.concentrators if number.startswith("CT") and number != before)
    to = world.chance.choice(others)
    world.move(fault.target, to)
    yield
    await world.register(fault.target, concentrator=ConcentratorNumber(to))


FAULTS: dict[str, Fault] = {
    "meter_moves": _meter_moves,
    "table_loss": _table_loss,
    "not_commissioned": _not_commissioned,
    "pretends": _pretends,
    "denies": _denies,
    "wrong_key": _wrong_key,
    "counter_far": _counter_far,
    "counter_lost": _counter_lost,
    "busy": _busy,
    "headend_dies": _headend_dies,
    "headend_dies_at": _headend_dies_at,
    "concentrator_dies": _concentrator_dies,
    "concentrator_stops": _concentrator_stops,
    "path_cut": _path_cut,
    "path_swallows": _path_swallows,
    "reset": _reset,
    "disk_full": _disk("is_full"),
    "disk_slow": _disk("is_slow"),
    "disk_away": _disk("is_away"),
    "commit_unconfirmed": _disk("loses_confirmations"),
    "meter_silent": _meter_silent,
    "silent_at_command": _silent_at_command,
    "answer_lost": _answer_lost,
    "command_lost": _command_lost,
    "breaker_sticks": _breaker_sticks,
    "refuses": _refuses,
    "local_limit": _local_limit,
    "noise": _noise,
    "clock_off": _clock_off,
    "pushes_lost": _pushes_lost,
    "legacy_away": _commercial("is_away"),
    "legacy_forgets": _commercial("forgets"),
    "table_gap": _table_gap,
}
