"""Everything that works between the doors, put together over whatever ports it is given: steps 1 to 9."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from aforo.engine.answerer import Answerer
from aforo.engine.deadline_watch import DeadlineWatch
from aforo.engine.dispatcher import Dispatcher
from aforo.engine.headend_ports import HeadEndPorts, HeadEndSettings
from aforo.engine.integration import Integration, IntegrationPorts
from aforo.engine.listeners import Listeners
from aforo.engine.order_book import OrderBook
from aforo.engine.order_desk import OrderDesk
from aforo.engine.ports import (
    AuditStore,
    Clock,
    DeliveryStore,
    DeviceRegistry,
    Entropy,
    KeyVault,
    LegacyDoor,
    Lines,
    OrderStore,
    SessionLedger,
)
from aforo.engine.result_relay import EmbeddedQueue, ResultRelay
from aforo.engine.sealer import Sealer
from aforo.engine.service_desk import ServiceDesk
from aforo.flow.step1_receive_order import CallerRules

RESTART_REST_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What is kept, each in one database or in memory."""

    orders: OrderStore
    deliveries: DeliveryStore
    audit: AuditStore
    registry: DeviceRegistry
    ledger: SessionLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is not kept: devices, the commercial system, time, chance and keys.

    report: told of what goes wrong and is tried again.
    """

    lines: Lines
    door: LegacyDoor
    clock: Clock
    entropy: Entropy
    vault: KeyVault
    report: Callable[[str, BaseException], None]


class HeadEnd:
    """loops: each runs until cancelled, and all of them must run."""

    def __init__(
        self,
        stores: Stores,
        surroundings: Surroundings,
        settings: HeadEndSettings,
        rules_of: Callable[[str], CallerRules],
    ) -> None:
        """rules_of: by source."""
        clock, report = surroundings.clock, surroundings.report
        sealer = Sealer(stores.audit, clock, report)
        listeners = Listeners(report, sealer.wake)
        answerer = Answerer(stores.deliveries, stores.orders, surroundings.door, clock=clock, listeners=listeners)
        queue = EmbeddedQueue(stores.deliveries, clock, answerer.wake)
        relay = ResultRelay(stores.deliveries, queue, queue=queue.name, clock=clock, listeners=listeners)
        # The dispatcher and the watch need the book, and the book wakes them.
        book = OrderBook(
            stores.orders,
            on_result=relay.wake,
            on_waiting=self._wake_lane,
            on_facts=sealer.wake,
            on_alarm=self._wake_watch,
        )
        self._watch = DeadlineWatch(book, clock, listeners)
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
        self._dispatcher = Dispatcher(ports, report)
        self.desk = OrderDesk(book, clock)
        self.integration = Integration(_integration_ports(stores, ports), rules_of)
        loops = {
            "relay": relay.run,
            "answers": answerer.run,
            "headend": self._dispatcher.run,
            "sealer": sealer.run,
            "deadlines": self._watch.run,
        }
        self.loops = tuple(partial(keep_running, name, loop, report) for name, loop in loops.items())

    def _wake_watch(self, due: datetime) -> None:
        self._watch.wake(due)

    def _wake_lane(self, lane: str, due: datetime) -> None:
        self._dispatcher.wake(lane, due)


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
