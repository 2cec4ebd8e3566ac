"""A head-end on the memory twins in virtual time, with lines and doors that a test holds in its hand."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from aforo.dlms.keys import Key, SystemTitle
from aforo.domain.delivery import Delivery
from aforo.domain.devices import Address, Concentrator, DeviceSecurity, Link, Meter
from aforo.domain.identifiers import ConcentratorNumber, Epoch, MeterNumber, OrderId, OrderNumber
from aforo.domain.order import Fact, Order, OrderRequest
from aforo.domain.order_states import OrderState
from aforo.engine.headend_ports import HeadEndPorts, HeadEndSettings
from aforo.engine.leases import LeaseKeeper
from aforo.engine.memory import (
    MemoryDeliveryStore,
    MemoryDeviceRegistry,
    MemoryEntropy,
    MemoryOrderStore,
    MemorySessionLedger,
)
from aforo.engine.memory_leases import SoleProcess
from aforo.engine.order_book import BookCalls, OrderBook
from aforo.engine.ports import Line, LineUnavailable, StoreUnavailable
from aforo.flow.decision import Decision
from cases import WEDNESDAY, a_meter, a_request, an_order
from unit.engine.virtual_time import LoopClock, seconds_since

TITLE = SystemTitle.from_hex("4146525400000001")
KEYS = DeviceSecurity(b"AFR\0\0\0\0\2", bytes(range(16)), bytes(range(16, 32)))
"""As `OpenVault` wraps them: not at all."""


class OpenVault:
    def wrap(self, key: Key) -> bytes:
        return key.octets

    def unwrap(self, wrapped: bytes) -> Key:
        return Key(wrapped)


class DeadLines:
    """No device answers a call. A call waits while the gate is closed; every visit to a silent device calls twice.

    visited: who, and how many seconds after the start; the second call of a visit is not told.
    """

    def __init__(self) -> None:
        self.visited: list[tuple[str, int]] = []
        self.now_open = 0
        self.gate = asyncio.Semaphore(10_000)

    def close_gate(self) -> None:
        self.gate = asyncio.Semaphore(0)

    async def open(self, address: Address) -> Line:
        call = (address.host, round(asyncio.get_running_loop().time()))
        if call not in self.visited:
            self.visited.append(call)
        self.now_open += 1
        try:
            await self.gate.acquire()
        finally:
            self.now_open -= 1
        raise LineUnavailable("nobody there")


class CountedOrderStore(MemoryOrderStore):
    """looks: when it was asked for lanes.   is_away: as when the database is."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[datetime] = []
        self.is_away = False

    async def lanes_due(self, now: datetime) -> list[str]:
        if self.is_away:
            raise StoreUnavailable("away")
        self.looks.append(now)
        return await super().lanes_due(now)


class UnsteadyDeliveryStore(MemoryDeliveryStore):
    """is_away: as when the database is, for whoever wants to store how a delivery stands.   is_unread: to read it.

    close_s: what it takes to note how a delivery stands.
    """

    is_away = False
    close_s = 0.0
    is_unread = False

    async def inbox_due(self, now: datetime, limit: int) -> list[Delivery]:
        if self.is_unread:
            raise StoreUnavailable("away")
        return await super().inbox_due(now, limit)

    async def close_delivery(self, delivery: Delivery, fact: Fact | None) -> None:
        await asyncio.sleep(self.close_s)
        if self.is_away:
            raise StoreUnavailable("away")
        await super().close_delivery(delivery, fact)


class CountedLedger(MemorySessionLedger):
    """opened: the lane of every session that began."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    async def open_epoch(self, lane: str) -> Epoch:
        self.opened.append(lane)
        return await super().open_epoch(lane)


@dataclass
class Reports:
    """What was told of going wrong: who, what, and how many seconds after the start."""

    told: list[tuple[str, str, int]] = field(default_factory=list)

    def __call__(self, who: str, wrong: BaseException) -> None:
        self.told.append((who, type(wrong).__name__, round(asyncio.get_running_loop().time())))


def alone() -> LeaseKeeper:
    """Of a process that shares its store with no other."""
    return LeaseKeeper(SoleProcess(), lambda *_: None)


class HeadEnd:
    """Ports for sessions and dispatcher.

    woken: lanes that the book told about, and the second at which they are due.   wake: told of them as well.
    results: how many were committed.   on_result: told of each.
    """

    def __init__(self, *, start: datetime = WEDNESDAY, **settings: Any) -> None:
        self.start = start
        self.clock = LoopClock(start)
        self.orders = CountedOrderStore()
        self.deliveries = UnsteadyDeliveryStore(self.orders)
        self.ledger = CountedLedger()
        self.registry = MemoryDeviceRegistry(self.ledger)
        self.lines = DeadLines()
        self.reports = Reports()
        self.woken: list[tuple[str, int]] = []
        self.results = 0
        self.wake: Callable[[str, datetime], None] = lambda *_: None
        self.on_result: Callable[[], None] = lambda: None
        self.book = OrderBook(self.orders, BookCalls(on_result=self._count, on_waiting=self._waits))
        self.ports = HeadEndPorts(
            book=self.book,
            registry=self.registry,
            ledger=self.ledger,
            vault=OpenVault(),
            lines=self.lines,
            clock=self.clock,
            entropy=MemoryEntropy(),
            settings=HeadEndSettings(title=TITLE, **settings),
        )

    def _count(self) -> None:
        self.results += 1
        self.on_result()

    def _waits(self, lane: str, due: datetime) -> None:
        self.woken.append((lane, seconds_since(self.start, due)))
        self.wake(lane, due)

    async def direct_meter(self, number: str = "M-1", **changes: Any) -> Meter:
        """Its address is its number, so that a call tells whom it was for."""
        given = {"number": MeterNumber(number), "address": Address(number, 4059), "security": KEYS, **changes}
        meter = a_meter(Link.DIRECT, **given)
        await self.registry.put_meters([meter], self.start)
        return meter

    async def linked_meter(self, link: Link, number: str = "M-1") -> Meter:
        meter = a_meter(link, number=MeterNumber(number), security=KEYS)
        await self.registry.put_meters([meter], self.start)
        return meter

    async def concentrator(self, number: str = "C-1") -> Concentrator:
        one = Concentrator(number=ConcentratorNumber(number), address=Address(number, 4059), security=KEYS)
        await self.registry.put_concentrators([one], self.start)
        return one

    async def order(self, meter: str = "M-1", *, lane: str | None = None, **changes: Any) -> Order:
        """Stored as it is given: validated and due at the start unless changed. wait: seconds until it is due."""
        request: OrderRequest = changes.pop("request", a_request())
        order_id: OrderId = await self.orders.new_order_id()
        named = replace(request, number=OrderNumber(f"OS-{order_id}"), meter=MeterNumber(meter))
        state = changes.pop("state", OrderState.VALIDATED)
        if "wait" in changes:
            changes["next_at"] = self.start + timedelta(seconds=changes.pop("wait"))
        order = an_order(state, request=named, id=order_id, lane=lane or f"meter:{meter}", **changes)
        return await self.book.receive(Decision(order, (a_fact(self.start),), result=int(state.is_end)))

    async def now(self, order: Order) -> Order:
        current = await self.orders.order(order.id)
        assert current is not None
        return current

    async def facts_of(self, order: Order) -> list[str]:
        return [fact.name for fact in await self.orders.facts(order.id)]


def a_fact(at: datetime) -> Fact:
    return Fact(1, at, "Legacy", "Integration", "OrderReceived", {})


@asynccontextmanager
async def running(loop: Coroutine[Any, Any, None]) -> AsyncIterator["asyncio.Task[None]"]:
    """What runs until it is cancelled. Fails when it ended by itself."""
    task = asyncio.create_task(loop)
    try:
        yield task
        assert not task.done(), "it was to run until cancelled"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def second(moment: float) -> None:
    """Everything has happened up to this second after the start, and a little more."""
    await asyncio.sleep(moment + 0.01 - asyncio.get_running_loop().time())
