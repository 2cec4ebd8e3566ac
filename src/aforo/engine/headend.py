"""Everything that works between the doors, put together over whatever ports it is given: steps 1 to 9."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from aforo.cim.dialect import Dialects, shipped
from aforo.engine.answer_ports import LegacyDoor, ResultQueue
from aforo.engine.answerer import Answerer, AnswerWay
from aforo.engine.deadline_watch import DeadlineWatch
from aforo.engine.dispatcher import Dispatcher
from aforo.engine.headend_ports import HeadEndPorts, HeadEndSettings
from aforo.engine.integration import Integration, IntegrationPorts
from aforo.engine.leases import LeaseKeeper
from aforo.engine.listeners import Listeners, Nobody, Observer
from aforo.engine.order_book import BookCalls, OrderBook
from aforo.engine.order_desk import OrderDesk
from aforo.engine.ports import (
    AuditStore,
    Bell,
    Clock,
    DeliveryStore,
    DeviceRegistry,
    Entropy,
    KeyVault,
    Leases,
    Lines,
    OrderStore,
    SessionLedger,
)
from aforo.engine.result_inbox import ResultInbox
from aforo.engine.result_relay import EmbeddedQueue, ResultRelay
from aforo.engine.roles import Roles, is_role
from aforo.engine.sealer import Sealer
from aforo.engine.service_desk import ServiceDesk
from aforo.flow.order_asked import CallerRules

RESTART_REST_S = 1.0
DRAIN_MOST = timedelta(seconds=20)
"""Whoever keeps the process running kills it some time after asking it to end; what is still out is found again."""
_LANE, _DISPATCH = "lane ", "dispatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What is kept, each in one database or in memory."""

    orders: OrderStore
    deliveries: DeliveryStore
    audit: AuditStore
    registry: DeviceRegistry
    ledger: SessionLedger
    leases: Leases


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is not kept: devices, the commercial system, other processes, time, chance and keys.

    report: told of what goes wrong and is tried again.   observer: of everything that is decided.   dialects: in which
    orders are answered.   queue: between head-end and integration; None for the embedded one.
    secret_of: with which a source's webhooks are signed.
    """

    lines: Lines
    door: LegacyDoor
    bell: Bell
    clock: Clock
    entropy: Entropy
    vault: KeyVault
    report: Callable[[str, BaseException], None]
    observer: Observer = field(default_factory=Nobody)
    dialects: Dialects = field(default_factory=shipped)
    queue: ResultQueue | None = None
    secret_of: Callable[[str], bytes] = lambda _: b""


INTEGRATION_LOOPS = frozenset({"answers", "inbox"})
HEADEND_LOOPS = frozenset({"relay", "dispatch", "sealer", "deadlines"})
"""By what they serve: steps 1, 2, 3 and 9; and 3 to 8. Every loop but `dispatch`, which has many lanes, is run by one
process at a time; the others stand by."""


class HeadEnd:
    """loops: each runs until cancelled, and all of them must run."""

    def __init__(
        self,
        stores: Stores,
        surroundings: Surroundings,
        settings: HeadEndSettings,
        rules_of: Callable[[str], CallerRules],
        *,
        hosts: frozenset[str] = INTEGRATION_LOOPS | HEADEND_LOOPS,
    ) -> None:
        """rules_of: by source.   hosts: names of the loops that this process runs."""
        clock, report = surroundings.clock, surroundings.report
        self._bell, self._hosts = surroundings.bell, hosts
        keeper = LeaseKeeper(stores.leases, report, lease=settings.lease)
        self._roles = roles = Roles(keeper, surroundings.bell, hosts)
        listeners = Listeners(report, lambda: roles.call("sealer"), surroundings.observer)
        # The dispatcher and the watch need the book, and the book wakes them.
        calls = BookCalls(
            on_result=lambda: roles.call("relay"),
            on_waiting=self._wake_lane,
            on_facts=lambda: roles.call("sealer"),
            on_alarm=self._wake_watch,
            observer=surroundings.observer,
        )
        book = OrderBook(stores.orders, calls)
        ports = HeadEndPorts(
            book=book,
            registry=stores.registry,
            ledger=stores.ledger,
            vault=surroundings.vault,
            lines=surroundings.lines,
            clock=clock,
            entropy=surroundings.entropy,
            settings=settings,
        )
        self._watch = DeadlineWatch(book, clock, listeners)
        self._dispatcher = Dispatcher(
            ports, report, leases=keeper, on_held_elsewhere=lambda lane: self._bell.ring(f"{_LANE}{lane}")
        )
        self.desk = OrderDesk(book, clock)
        self.integration = Integration(_integration_ports(stores, ports), rules_of)
        _add_deliveries(roles, stores, surroundings, listeners)
        sealer = Sealer(stores.audit, clock, report)
        roles.add("sealer", sealer.run, sealer.wake)
        roles.add("deadlines", self._watch.run, self._watch.look)
        roles.add_shared(_DISPATCH, self._dispatcher.run, self._dispatcher.look)
        keeper.on_joined, keeper.on_orphans = roles.call_all, self._take_over
        self._bell.listen(self._heard)
        loops = {"leases": keeper.run, **roles.loops}
        self.loops = tuple(partial(keep_running, name, loop, report) for name, loop in loops.items())

    async def drain(self) -> None:
        """Before the loops are ended: nothing new is handed out, and what is out may come to its end."""
        await self._dispatcher.drain(DRAIN_MOST)

    def relay(self) -> None:
        """Results wait in the outbox."""
        self._roles.call("relay")

    def _wake_watch(self, due: datetime) -> None:
        if self._roles.holds("deadlines"):
            self._watch.wake(due)
        else:
            self._bell.ring("deadlines")

    def _wake_lane(self, lane: str, due: datetime) -> None:
        if _DISPATCH in self._hosts:
            self._dispatcher.wake(lane, due)
        else:
            self._bell.ring(_DISPATCH)

    def _take_over(self, orphans: Sequence[str]) -> None:
        self._roles.vacated(orphans)
        if _DISPATCH in self._hosts:
            self._dispatcher.look([name for name in orphans if not is_role(name)])

    def _heard(self, subject: str) -> None:
        if not subject.startswith(_LANE):
            self._roles.heard(subject)
        elif _DISPATCH in self._hosts:
            self._dispatcher.nudge(subject.removeprefix(_LANE))


def _add_deliveries(roles: Roles, stores: Stores, surroundings: Surroundings, listeners: Listeners) -> None:
    """Steps 8 and 9."""
    clock, deliveries = surroundings.clock, stores.deliveries
    way = AnswerWay(surroundings.door, surroundings.dialects, surroundings.secret_of)
    answerer = Answerer(deliveries, stores.orders, way, clock=clock, listeners=listeners)
    outside = surroundings.queue

    def arrived() -> None:
        roles.call("answers")

    queue = EmbeddedQueue(deliveries, clock, arrived) if outside is None else outside
    relay = ResultRelay(deliveries, queue, queue=queue.name, clock=clock, listeners=listeners)
    if outside is not None:
        inbox = ResultInbox(outside, deliveries, stores.orders, clock=clock, on_message=arrived)
        roles.add("inbox", inbox.run, _nothing)
    roles.add("relay", relay.run, relay.wake)
    roles.add("answers", answerer.run, answerer.wake)


def _nothing() -> None: ...


def _integration_ports(stores: Stores, ports: HeadEndPorts) -> IntegrationPorts:
    settings = ports.settings
    return IntegrationPorts(
        book=ports.book,
        registry=stores.registry,
        deliveries=stores.deliveries,
        desk=ServiceDesk(settings.calendar, stores.orders, settings.model, deadlines=settings.deadlines),
        clock=ports.clock,
    )


async def keep_running(
    name: str, loop: Callable[[], Awaitable[None]], report: Callable[[str, BaseException], None]
) -> None:
    """A loop that an error of ours has ended begins anew, from what is stored: else it would be missed by nobody."""
    while True:
        try:
            await loop()
        except Exception as wrong:  # noqa: BLE001 (whatever it is, orders and answers must not wait for ever)
            report(name, wrong)
            await asyncio.sleep(RESTART_REST_S)
