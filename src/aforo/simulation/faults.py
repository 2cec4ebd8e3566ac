"""What can go wrong in a run: one table, from a fault's name to what it does to the world and what ends it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from aforo.dlms.events import DataAccess
from aforo.dlms.keys import Key, Keys
from aforo.domain.identifiers import ConcentratorNumber
from aforo.simulation.commercial_system import CommercialSystem
from aforo.simulation.durable_ports import Disk
from aforo.simulation.schedule import PlannedFault
from aforo.simulation.watched_line import Holding
from aforo.simulation.world import World
from aforo.simulator.concentrator import Concentrator
from aforo.simulator.meter_settings import MeterFaults
from aforo.simulator.order_ledger import OrderLedger

Fault = Callable[[World, PlannedFault], AbstractAsyncContextManager[None]]


async def begin_fault(world: World, fault: PlannedFault) -> None:
    """From its beginning to its end."""
    world.watch.tell(f"fault: {fault}")
    async with FAULTS[fault.kind](world, fault):
        await asyncio.sleep(fault.lasts_s)
    world.watch.tell(f"fault ends: {fault.kind} {fault.target}")


@asynccontextmanager
async def _headend_dies(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    await world.headends.kill(fault.lasts_s)
    yield


@asynccontextmanager
async def _headend_freezes(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    world.headends.freeze(fault.lasts_s)
    yield


@asynccontextmanager
async def _headend_freezes_at(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """At the so-and-so-many-th of its decisions of the run: the worst moment to be away."""
    world.headends.freezes[int(fault.amount)] = fault.lasts_s
    yield


@asynccontextmanager
async def _headend_dies_at(world: World, fault: PlannedFault) -> AsyncIterator[None]:
    """At its so-and-so-many-th commit, read or send of the run."""
    world.headends.deaths[int(fault.amount)] = fault.lasts_s
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


def _while(
    holder: Callable[[World, PlannedFault], object], attribute: str, value: object = True, after: object = False
) -> Fault:
    """As long as it lasts, something of the world has another value."""

    @asynccontextmanager
    async def fault(world: World, planned: PlannedFault) -> AsyncIterator[None]:
        held = holder(world, planned)
        setattr(held, attribute, value)
        yield
        setattr(held, attribute, after)

    return fault


def _once(attribute: str) -> Fault:
    """Of a meter: it comes with the next command, and ends by itself."""

    @asynccontextmanager
    async def fault(world: World, planned: PlannedFault) -> AsyncIterator[None]:
        setattr(_meter(world, planned), attribute, True)
        yield

    return fault


def _meter(world: World, fault: PlannedFault) -> MeterFaults:
    return world.town.meters[fault.target].faults


def _disk(world: World, _: PlannedFault) -> Disk:
    return world.disk


def _commercial(world: World, _: PlannedFault) -> CommercialSystem:
    return world.commercial


def _concentrator(world: World, fault: PlannedFault) -> Concentrator:
    """As it stands: one that restarts while the fault lasts is rid of it."""
    return world.town.concentrators[fault.target]


def _ledger(world: World, fault: PlannedFault) -> OrderLedger:
    return world.town.concentrators[fault.target].ledger


OTHER_KEYS = Keys(Key(bytes(16)), Key(bytes(16)))


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
    "pretends": _while(_meter, "pretends_to_obey"),
    "denies": _while(_meter, "refuse_command", DataAccess.READ_WRITE_DENIED, None),
    "wrong_key": _while(_meter, "keys", OTHER_KEYS, None),
    "counter_far": _counter_far,
    "counter_lost": _counter_lost,
    "busy": _while(_ledger, "is_busy"),
    "headend_dies": _headend_dies,
    "headend_freezes": _headend_freezes,
    "headend_freezes_at": _headend_freezes_at,
    "headend_dies_at": _headend_dies_at,
    "concentrator_dies": _concentrator_dies,
    "concentrator_stops": _concentrator_stops,
    "path_cut": _path_cut,
    "path_swallows": _path_swallows,
    "reset": _reset,
    "disk_full": _while(_disk, "is_full"),
    "disk_slow": _while(_disk, "is_slow"),
    "disk_away": _while(_disk, "is_away"),
    "commit_unconfirmed": _while(_disk, "loses_confirmations"),
    "meter_silent": _while(_meter, "silent"),
    "silent_at_command": _silent_at_command,
    "answer_lost": _once("swallow_answer_to_next_command"),
    "command_lost": _once("lose_next_command"),
    "breaker_sticks": _while(_meter, "breaker_sticks"),
    "refuses": _while(_meter, "refuse_command", DataAccess.TEMPORARY_FAILURE, None),
    "local_limit": _local_limit,
    "noise": _noise,
    "clock_off": _clock_off,
    "pushes_lost": _while(_concentrator, "drops_pushes"),
    "legacy_away": _while(_commercial, "is_away"),
    "legacy_forgets": _while(_commercial, "forgets"),
    "table_gap": _table_gap,
}
