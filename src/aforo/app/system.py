"""The composition root: everything is built here, wired, started and ended. Nothing else knows all the parts."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import uvloop

from aforo.adapters.dlms_lines import DlmsLines
from aforo.adapters.key_vault import FileKeyVault
from aforo.adapters.legacy_door import HttpLegacyDoor, ReplyAddresses
from aforo.adapters.listening import listen_on
from aforo.adapters.meter_model_files import load_models
from aforo.adapters.operator_api import OperatorPorts, operator_api
from aforo.adapters.postgres.database import Database
from aforo.adapters.postgres.embedded import EmbeddedPostgres
from aforo.adapters.soap_door import SoapDoor
from aforo.adapters.system_clock import SystemClock
from aforo.adapters.system_entropy import SystemEntropy
from aforo.app.error_report import error_reporter
from aforo.app.http_server import HttpServer
from aforo.app.running_system import RunningSystem, announce, withdraw
from aforo.app.settings import Settings
from aforo.app.town_host import TownHost
from aforo.dlms.keys import SystemTitle
from aforo.engine.answerer import Answerer
from aforo.engine.dispatcher import Dispatcher
from aforo.engine.headend_ports import HeadEndPorts, HeadEndSettings
from aforo.engine.integration import Integration, IntegrationPorts
from aforo.engine.order_book import OrderBook
from aforo.engine.order_desk import OrderDesk
from aforo.engine.result_relay import EmbeddedQueue, ResultRelay
from aforo.engine.sealer import Sealer
from aforo.engine.service_desk import ServiceDesk
from aforo.simulator.town import Town
from aforo.simulator.town_file import load_town

SOAP_PATH = "/soap"
DEFAULT_PORT = 8080
RESTART_REST_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """data: the folder of everything that must survive.   database: arguments for asyncpg.   port: 0 chooses one."""

    data: Path
    database: dict[str, Any] = field(repr=False)
    port: int = DEFAULT_PORT


@contextmanager
def database_of(settings: Settings, data: Path) -> Iterator[dict[str, Any]]:
    """Arguments for asyncpg, valid while the context lasts: the external server's, or those of one that we run here.

    From the main thread only; see EmbeddedPostgres.start.
    """
    url = settings.database_url.get_secret_value()
    if url:
        yield {"dsn": url}
        return
    with EmbeddedPostgres.start(data / "postgres") as server:
        yield server.connect_arguments()


class System:
    """All nine steps in one process, as an async context manager. town: simulated devices to host as well."""

    def __init__(self, settings: Settings, place: Place, town: Town | None = None) -> None:
        self._settings = settings
        self._place = place
        self._town = town
        self._stack = AsyncExitStack()
        self.clock = SystemClock()
        self.entropy = SystemEntropy()
        self._report = error_reporter(self.clock.now)
        self.models = load_models(settings.models)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self, stack: AsyncExitStack) -> None:
        settings, place = self._settings, self._place
        self.vault = FileKeyVault.open(place.data / "kek", self.entropy, kek=settings.kek.get_secret_value())
        self.database = await Database.open(**place.database)
        stack.push_async_callback(self.database.close)
        if self._town is not None:
            host = TownHost(self._town, now=self.clock.now)
            stack.push_async_callback(host.close)
            await host.open()
            await host.register(self.database.registry, self.vault, self.clock.now())
        door = await stack.enter_async_context(HttpLegacyDoor(ReplyAddresses(settings.allowed_replies)))
        self._wire(door)
        sealer = Sealer(self.database.audit, self.clock, self._report)
        loops = {
            "relay": self.relay.run,
            "answers": self.answerer.run,
            "headend": self.dispatcher.run,
            "sealer": sealer.run,
        }
        for name, loop in loops.items():
            task = asyncio.create_task(keep_running(name, loop, self._report), name=name)
            stack.push_async_callback(_end, task)
        await self._open_doors(stack)

    def _wire(self, door: HttpLegacyDoor) -> None:
        database, clock = self.database, self.clock
        self.answerer = Answerer(database.deliveries, database.orders, door, clock=clock, report=self._report)
        queue = EmbeddedQueue(database.deliveries, clock, self.answerer.wake)
        self.relay = ResultRelay(database.deliveries, queue, queue=queue.name, clock=clock, report=self._report)
        # The dispatcher needs the book, and the book wakes the dispatcher.
        self.book = OrderBook(
            database.orders,
            on_result=self.relay.wake,
            on_waiting=self._wake_lane,
        )
        self._headend = HeadEndSettings(
            title=SystemTitle.from_hex(self._settings.system_title),
            models=self.models,
            plan=self._settings.plan,
            calendar=self._settings.service_calendar,
            answer_wait=self._settings.answer_wait,
            patience=self._settings.patience,
            clock_deviation=timedelta(seconds=self._settings.clock_deviation_s),
            window=self._settings.window,
        )
        ports = HeadEndPorts(
            book=self.book,
            registry=database.registry,
            ledger=database.ledger,
            vault=self.vault,
            lines=DlmsLines(),
            clock=clock,
            entropy=self.entropy,
            settings=self._headend,
        )
        self.dispatcher = Dispatcher(ports, self._report)

    def _wake_lane(self, lane: str, due: datetime) -> None:
        self.dispatcher.wake(lane, due)

    async def _open_doors(self, stack: AsyncExitStack) -> None:
        settings, place, database = self._settings, self._place, self.database
        ports = IntegrationPorts(
            book=self.book,
            registry=database.registry,
            deliveries=database.deliveries,
            desk=ServiceDesk(
                settings.service_calendar, database.orders, self._headend.model, patience=self._headend.patience
            ),
            clock=self.clock,
        )
        integration = Integration(ports, settings.rules_of)
        self.token = settings.token.get_secret_value() or self.entropy.octets(24).hex()
        api = operator_api(
            OperatorPorts(
                orders=database.orders,
                desk=OrderDesk(self.book, self.clock),
                deliveries=database.deliveries,
                audit=database.audit,
                registry=database.registry,
                vault=self.vault,
                clock=self.clock,
                models=self.models,
                title=SystemTitle.from_hex(settings.system_title),
            ),
            token=self.token,
        )
        api.mount(SOAP_PATH, SoapDoor(integration, now=self.clock.now))
        server = HttpServer(api, listen_on(settings.host, place.port))
        stack.push_async_callback(server.stop)
        await server.start()
        self.url = server.url
        running = RunningSystem(self.url, self.token, os.getpid())
        announce(place.data, running)
        stack.callback(withdraw, place.data, running)


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


def up(data: Path, port: int, town: Path | None, as_json: bool) -> int:
    """`aforo up`: run until Ctrl-C or SIGTERM."""
    settings = Settings()
    models = load_models(settings.models)
    simulated = None if town is None else Town(load_town(town.read_text(encoding="utf-8"), str(town)), models)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with database_of(settings, data) as database, event_loop() as loop:
        place = Place(data=data, database=database, port=port)
        return loop.run(_serve(System(settings, place, simulated), as_json=as_json))


def event_loop() -> asyncio.Runner:
    """uvloop's where it runs: half the time per message (dlms.md, section 3)."""
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def _serve(system: System, *, as_json: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with system:
        _say_up(system, as_json=as_json)
        await stop.wait()
    return 0


def _say_up(system: System, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"url": system.url, "process": os.getpid()}), flush=True)
        return
    print(f"aforo runs at {system.url}  (Ctrl-C ends it)")
    print(f"  orders   POST {system.url}{SOAP_PATH}/EndDeviceControls   description: ?wsdl")
    print("  by hand  aforo limit METER 2.5kW --wait    aforo order list    aforo meter list", flush=True)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
