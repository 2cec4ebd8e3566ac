"""One run: a town, a commercial system, the head-end, a seed's faults, and everything watched from outside."""

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextvars import Context
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from msgspec.structs import replace

from aforo.adapters.key_vault import FileKeyVault
from aforo.dlms.keys import SystemTitle
from aforo.domain.devices import Meter as RegisteredMeter
from aforo.domain.identifiers import OrderNumber, Source
from aforo.domain.order import Fact, Order
from aforo.engine.headend import Stores
from aforo.engine.headend_ports import HeadEndSettings
from aforo.engine.memory import (
    MemoryDeviceRegistry,
    MemoryEntropy,
)
from aforo.engine.memory_leases import SoleProcess
from aforo.engine.order_desk import TooLate
from aforo.engine.ports import StoreUnavailable
from aforo.simulation.commercial_system import SOURCE, CommercialSystem
from aforo.simulation.durable_ports import Disk
from aforo.simulation.ground_truth import GroundTruth
from aforo.simulation.headend_process import HeadEndProcess, Machine
from aforo.simulation.headends import HeadEnds
from aforo.simulation.invariants import AtRest, Rules, every_invariant
from aforo.simulation.mortal_process import note_task, owner_in
from aforo.simulation.outcome import Outcome
from aforo.simulation.schedule import PlannedFault, PlannedOrder, Scenario, Schedule, planned
from aforo.simulation.shared_leases import LeaseTable
from aforo.simulation.simulated_town import exchange_time, same_endpoint, town_plan
from aforo.simulation.town_registry import TownRegistry
from aforo.simulation.virtual_device import Device
from aforo.simulation.virtual_loop import NothingWillHappen, VirtualLoop
from aforo.simulation.virtual_network import Network
from aforo.simulation.watch import Watch
from aforo.simulation.watched_line import Holding, Passing, WatchedLine
from aforo.simulation.watched_stores import WatchedAudit, WatchedDeliveries, WatchedLedger, WatchedOrders
from aforo.simulator.device_endpoint import DeviceEndpoint
from aforo.simulator.household_load import FixedLoad
from aforo.simulator.meter import Meter
from aforo.simulator.town import Town, TownMedia
from aforo.simulator.town_plan import meters_of

BEGIN = datetime(2026, 9, 2, 4, tzinfo=UTC)
"""A Wednesday's midnight in Santiago."""

REST_LOOKED_FOR_S = 1_800.0
REST_WITHIN_S = 5 * 86_400.0
"""After the last fault: orders are held over nights, and what is unconfirmed is sought for a day."""

DRAWN_W = 700
"""By every household, at all times: below the lowest limit, so that no limiter acts by itself."""

LEASE = timedelta(seconds=120)
"""Longer than in production, since every renewal is a step of the run; freezes are longer in proportion."""

ROUNDS_TO_END = 1_000
_CLEAR = Passing()


class World:
    """begin_fault: see `aforo.simulation.faults`.   schedule: None is the seed's own."""

    probe_every = timedelta(minutes=10)
    """A concentrator looks after an idle meter: every look is a step of the run, so they are fewer than in life."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        begin_fault: Callable[["World", PlannedFault], Awaitable[None]],
        schedule: Schedule | None = None,
    ) -> None:
        self.scenario = scenario
        self._begin_fault = begin_fault
        self.seed = seed
        self.truth = GroundTruth()
        self._now = 0.0, BEGIN
        self.watch = Watch(self.truth, self.now)
        self.crashes = 0
        self.network = Network(self._chance("network"), self.now, self.watch.tell)
        self.loop = VirtualLoop(note_task, self.network)
        self.loop.owner_of = owner_in
        self.network.loop = self.loop
        self.chance = self._chance("world")
        self.commercial = CommercialSystem(self.truth, self._chance("commercial"), self.now, self.watch.told)
        self.disk = Disk(self._chance("disk"), self.watch.tell)
        self.noise: dict[str, float] = {}
        self.stops: dict[str, str] = {}
        self.silent_at_command: set[str] = set()
        self._build_town()
        meters, concentrators = tuple(self.town.meters), tuple(self.town.concentrators)
        self.schedule = schedule or planned(scenario, seed, meters=meters, concentrators=concentrators)
        for order in self.schedule.orders:
            if order.watts is not None:
                self.truth.by_watts[order.watts] = order.number
        self._build_machine()
        self.headends = HeadEnds(
            scenario.headends, self.loop, chance=self.chance, tell=self.watch.tell, later=self._later
        )
        self._under_way: dict[asyncio.Task[Any], None] = {}

    def now(self) -> datetime:
        time = self.loop.time()
        if time != self._now[0]:
            self._now = time, BEGIN + timedelta(microseconds=round(time * 1e6))
        return self._now[1]

    def run(self) -> Outcome:
        """Once. Garbage is collected between runs and not within one, so that what it ends ends at the same time."""
        gc.disable()
        asyncio.set_event_loop(self.loop)
        self.loop.set_exception_handler(self._callback_broke)
        try:
            self.loop.run_until_complete(self._main())
        except NothingWillHappen as stuck:
            self.watch.violated("ItDrains", str(stuck))
        finally:
            self._end()
        states = Counter(order.state.value for order in self.truth.orders.values())
        return Outcome(
            seed=self.seed,
            violations=tuple(self.watch.violations),
            states=dict(sorted(states.items())),
            first_tries=sum(order.attempts == 1 for order in self.truth.orders.values()),
            crashes=self.crashes + self.headends.crashes,
            points=self.headends.points,
            lasted_s=self.loop.time(),
            trace=self.watch.trace(),
        )

    def exchange_time(self, chance: Random) -> timedelta:
        """Of one exchange on a concentrator's line. chance: the concentrator's own."""
        return exchange_time(self.scenario.exchange_s, chance)

    def device(self, number: str) -> Device:
        return self.devices[number]

    def concentrator_crashed(self, number: str) -> None:
        self.crashes += 1
        self.devices[number].crash()

    def passing(self, meter: str, now: datetime) -> Passing:  # noqa: ARG002 (the same at all times of a fault)
        concentrator = self._concentrator_of.get(meter, "")
        stops = self.stops.pop(concentrator, "") if concentrator else ""
        if stops:
            self.crashes += 1
            return Passing(stops=stops)
        share = self.noise.get(concentrator, 0.0)
        if share and self.chance.random() < share:
            is_request = self.chance.random() < 0.5
            return Passing(request=not is_request, answer=is_request)
        return _CLEAR

    def heard(self, meter: str, apdu: bytes, now: datetime) -> None:  # noqa: ARG002 (the watch has the time)
        self.watch.heard(meter, apdu)

    def held(self, holding: Holding) -> None:
        if holding.by_command and holding.meter in self.silent_at_command:
            self.town.meters[holding.meter].faults.silent = True
        self.watch.held(holding)

    def _committed(self, before: Order | None, order: Order, facts: Iterable[str]) -> None:
        if order.fence is not None and (before is None or before.fence != order.fence):
            self._rules.known_limit[order.number] = self._orders.limit_known_of(order)
            self._rules.handed_out[order.number] = self.now()
        self.watch.committed(before, order, facts)

    def _sent(self, device: str, octets: bytes) -> None:
        self.truth.note_sent(device, self.now(), octets)
        concentrator = self.town.concentrators.get(device)
        if concentrator is not None:
            self.watch.queued(concentrator.settings, concentrator.memory)

    def _callback_broke(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        wrong = context.get("exception")
        if isinstance(wrong, Exception):
            self.watch.broke(str(context.get("message")), wrong)

    async def _main(self) -> None:
        await self._register()
        self.headends.start_all(partial(HeadEndProcess, self._machine))
        for fault in self.schedule.faults:
            self._later(fault.at_s, partial(self._begin_fault, self, fault))
        for order in self.schedule.orders:
            self._later(order.at_s, partial(self._order, order))
        has_drained = not await self._stopped_within(self.schedule.last_s) and await self._rest()
        if self.watch.violations:
            return
        facts = await self._audit.chained_facts((0, 0), 10**9)  # type: ignore[arg-type]
        rest = AtRest(facts, await self._audit.seals(0, 10**9), list(self._unfinished()), has_drained)
        self.watch.ended(rest)

    def _later(self, after_s: float, happens: Callable[[], Awaitable[None]]) -> None:
        async def later() -> None:
            await asyncio.sleep(after_s)
            await happens()

        task = self.loop.create_task(later(), context=Context())  # the world's own, whoever made it happen
        self._under_way[task] = None
        task.add_done_callback(self._has_happened)

    def _has_happened(self, task: "asyncio.Task[Any]") -> None:
        self._under_way.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            assert error is not None
            self.watch.broke("the world", error)

    async def _order(self, order: PlannedOrder) -> None:
        if order.cancelled_s is not None:
            self._later(max(0.0, order.cancelled_s - self.loop.time()), partial(self._cancel, order.number))
        await self.commercial.order(order, BEGIN, self._door)

    def _door(self) -> Any:
        headend = self.headends.some()
        return None if headend is None else (headend.process, headend.soap)

    async def _cancel(self, number: str) -> None:
        order = await self._orders.find(Source(SOURCE), OrderNumber(number))
        headend = self.headends.some()
        if order is None or headend is None:
            return

        async def cancel() -> None:
            try:
                await headend.desk.cancel(order.id, by="operator", reason="simulated")
            except (TooLate, StoreUnavailable):
                return

        headend.process.start(cancel(), f"cancel {number}")

    async def _rest(self) -> bool:
        """False: it does not come to rest."""
        deadline = self.loop.time() + REST_WITHIN_S
        while self.loop.time() < deadline:
            if not self._under_way and not any(self._unfinished()):
                return True
            if await self._stopped_within(REST_LOOKED_FOR_S):
                return False
        return False

    async def _stopped_within(self, seconds: float) -> bool:
        """Whether something was found to be wrong: then the run is over."""
        try:
            async with asyncio.timeout(seconds):
                await self.watch.found.wait()
        except TimeoutError:
            return False
        return True

    def _unfinished(self) -> Iterator[str]:
        yield from (f"order {one}" for one in self._orders.unfinished())
        yield from (f"result {one}" for one in self._deliveries.undelivered())
        if self._audit.is_behind():
            yield "facts without a seal"

    def _end(self) -> None:
        self.headends.end()
        for task in list(self._under_way):
            task.cancel()
        for _ in range(ROUNDS_TO_END):
            if not asyncio.all_tasks(self.loop):
                break
            self.loop.run_until_complete(asyncio.sleep(0))
        asyncio.set_event_loop(None)
        self.loop.close()
        gc.enable()

    def _chance(self, purpose: str) -> Random:
        return Random(f"{purpose} {self.scenario.name} {self.seed}")  # noqa: S311 (a simulation's, to be repeated)

    def _build_town(self) -> None:
        plan = town_plan(self.scenario, self.seed)
        self._concentrator_of = {meter.number: one.number for one in plan.concentrator for meter in meters_of(one)}
        media = TownMedia(
            line_of=self._line_of,
            exchange_time=None if self.scenario.lines else self.exchange_time,
            not_heard=lambda meter, cause: self.watch.tell(f"meter {meter} is not heard: {cause}"),
            probe_every=self.probe_every,
        )
        self.town = Town(plan, media=media)
        for number, meter in self.town.meters.items():
            meter.load = FixedLoad(DRAWN_W)
            meter.advance(BEGIN)
            self.truth.holdings[number] = [Holding(BEGIN, number, meter.threshold_w, by_command=False)]
        self.devices: dict[str, Device] = {}
        self._ports: dict[tuple[str, str], int] = {}
        for port, listening in enumerate(self.town.endpoints, 1):
            self._ports[listening.kind, listening.number] = port
            make: Callable[[], Any]
            if listening.kind == "concentrator":
                make = self._concentrator(listening.number)
            else:
                endpoint = listening.endpoint
                make = partial(same_endpoint, endpoint)
            device = Device(listening.number, self.network, make)
            device.path.loses = 0.004
            device.on_send = self._sent
            self.devices[listening.number] = device
            self.network.listen(listening.host, port, device)

    def _concentrator(self, number: str) -> Callable[[], DeviceEndpoint]:
        first = [self.town.behind(self.scenario.network, number)]

        def make() -> DeviceEndpoint:
            if first:
                return first.pop()
            self.town.restart(number)
            self.set_clock(number, 0.0)  # it takes the time anew when it starts
            return self.town.behind(self.scenario.network, number)

        return make

    def _line_of(self, meter: Meter) -> WatchedLine:
        return WatchedLine(meter, self)

    def _build_machine(self) -> None:
        self._orders = WatchedOrders(self._committed)
        self._deliveries = WatchedDeliveries(self._orders)
        self._audit = WatchedAudit(self._orders)
        ledger = WatchedLedger(self.watch.opened, self.watch.fenced)
        self._registry = MemoryDeviceRegistry(ledger)
        settings = HeadEndSettings(title=SystemTitle(b"AFO\x00\x00\x00\x00\x01"), lease=LEASE)
        stores = Stores(
            orders=self._orders,
            deliveries=self._deliveries,
            audit=self._audit,
            registry=self._registry,
            ledger=ledger,
            leases=SoleProcess(),
        )
        self.vault = FileKeyVault(bytes(range(32)))
        self._machine = Machine(
            stores=stores,
            disk=self.disk,
            commercial=self.commercial,
            clock=self,
            entropy=MemoryEntropy(f"{self.scenario.name} {self.seed}".encode()),
            vault=self.vault,
            settings=settings,
            leases=LeaseTable(self.now) if self.scenario.headends > 1 else None,
            broke=self.watch.broke,
        )
        town = TownRegistry(self.town.registry(), self.vault, lambda kind, number: self._ports[kind, number])
        self._registered: dict[str, RegisteredMeter] = {meter.number: meter for meter in town.meters()}
        self._town_registry = town
        self.clock_ahead_s: dict[str, float] = {}
        self._rules = Rules(settings.calendar, self._registered, self.truth, self.clock_ahead_s)
        self.watch.watch_for(every_invariant(self.truth, self._rules))

    def concentrator_of(self, meter: str) -> str:
        return self._concentrator_of[meter]

    def move(self, meter: str, to: str) -> None:
        self.watch.tell(f"meter {meter} moves to {to}")
        self.town.move(meter, to)
        self._concentrator_of[meter] = to

    def facts_of(self, order: Order) -> list[Fact]:
        return self._orders.facts_of[order.id]

    async def register(self, meter: str, **changes: Any) -> None:
        """As it stands in the registry from now on."""
        self._registered[meter] = replace(self._registered[meter], **changes)
        await self._registry.put_meters([self._registered[meter]], self.now())

    async def _register(self) -> None:
        await self._registry.put_concentrators(self._town_registry.concentrators(), self.now())
        await self._registry.put_meters(self._town_registry.meters(), self.now())

    def set_clock(self, number: str, ahead_s: float) -> None:
        if ahead_s != self.clock_ahead_s.get(number, 0.0):
            self._rules.clock_set_at[number] = self.now()
        self.clock_ahead_s[number] = ahead_s
        self.town.concentrators[number].ledger.clock_offset = timedelta(seconds=ahead_s)
