"""The composition root: everything is built here, wired, started and ended. Nothing else knows all the parts."""

import asyncio
import gc
import json
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import uvloop
from starlette.types import ASGIApp

from aforo.adapters.dlms_lines import DlmsLines
from aforo.adapters.gatekeeper import Gatekeeper
from aforo.adapters.key_vault import FileKeyVault
from aforo.adapters.legacy_door import HttpLegacyDoor
from aforo.adapters.listening import listen_on
from aforo.adapters.meter_model_files import load_models
from aforo.adapters.metrics import Metrics
from aforo.adapters.oauth_tokens import OAuthTokens
from aforo.adapters.operator_api import OperatorPorts, operator_api
from aforo.adapters.otlp_exporter import SpanExporter
from aforo.adapters.postgres.database import Database
from aforo.adapters.postgres.embedded import EmbeddedPostgres
from aforo.adapters.queues import queue_at
from aforo.adapters.soap_door import DoorSettings, SoapDoor
from aforo.adapters.status_api import StatusPorts
from aforo.adapters.system_clock import SystemClock
from aforo.adapters.system_entropy import SystemEntropy
from aforo.app.console_output import CommandFailed
from aforo.app.error_report import error_reporter
from aforo.app.fact_log import FactLog
from aforo.app.http_server import HttpServer, OneOfTwo
from aforo.app.processes import PROCESSES, Process
from aforo.app.running_system import RunningSystem, announce, withdraw
from aforo.app.security_log import SecurityLog
from aforo.app.settings import Settings
from aforo.app.town_host import TownHost
from aforo.dlms.keys import SystemTitle
from aforo.engine.headend import HeadEnd, Stores, Surroundings
from aforo.engine.headend_ports import HeadEndSettings
from aforo.engine.leases import LEASE
from aforo.engine.listeners import Everybody, Observer
from aforo.simulator.town import Town
from aforo.simulator.town_file import load_town

if TYPE_CHECKING:
    from aforo.adapters.jetstream_presence import JetStreamPresence
    from aforo.adapters.postgres.presence import PostgresPresence
    from aforo.adapters.remote.nats_stores import RemoteStores, StoreService

SOAP_PATH = "/soap"
DEFAULT_PORT = 8080
SOURCES_MAX = 1024
"""Whose rules are kept at hand: they are made of addresses to be parsed, and asked for at every order."""

GARBAGE_THRESHOLDS = (100_000, 50, 100)
"""Of Python's collector of cycles. Nothing in an order's way makes one; what does is rare and small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """data: the folder of everything that must survive.   database: arguments for asyncpg; None where none is reached.
    port: 0 chooses one.   process: what runs here.
    """

    data: Path
    database: dict[str, Any] | None = field(repr=False)
    port: int = DEFAULT_PORT
    process: Process = PROCESSES["up"]


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
    """What one process hosts, as an async context manager. town: simulated devices to host as well."""

    def __init__(self, settings: Settings, place: Place, town: Town | None = None) -> None:
        self._settings = settings
        self._place = place
        self._town = town
        self._stack = AsyncExitStack()
        self.clock = SystemClock()
        self.entropy = SystemEntropy()
        self.process = place.process
        self._metrics = Metrics()
        self._is_draining = False
        self._report = error_reporter(self.clock.now)
        self.models = load_models(settings.models)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def drain(self) -> None:
        """Before it is left, when there is time for it."""
        self._is_draining = True
        await self._drain()

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self, stack: AsyncExitStack) -> None:
        settings, place = self._settings, self._place
        self.vault = FileKeyVault.open(place.data / "kek", self.entropy, kek=settings.kek.get_secret_value())
        leases_url = settings.leases_url.get_secret_value()
        self.database = await self._database(stack, keeps_old_schema=bool(leases_url))
        self._presence = self._presence_at(leases_url)
        stack.push_async_callback(self._presence.leave)
        await self._presence.join(LEASE)
        if self._town is not None:
            host = TownHost(self._town, now=self.clock.now)
            stack.push_async_callback(host.close)
            await host.open()
            await host.register(self.database.registry, self.vault, self.clock.now())
        door = await stack.enter_async_context(HttpLegacyDoor(settings.reply_addresses_allowed))
        self._queue = None
        if settings.queue_url.get_secret_value():
            self._queue = queue_at(settings.queue_url.get_secret_value(), self._report)
            stack.push_async_callback(self._queue.close)
        self._observers: list[Observer] = [self._metrics, *([FactLog()] if settings.log_facts else [])]
        if settings.otlp_url:
            self._observers.append(await self._traces(stack))
        headend = self._headend(door)
        self._drain = headend.drain
        for loop in headend.loops:
            task = asyncio.create_task(loop())
            stack.push_async_callback(_end, task)
        await self._open_doors(stack, headend)

    async def _database(self, stack: AsyncExitStack, *, keeps_old_schema: bool) -> "Database | RemoteStores":
        """keeps_old_schema: who else is there only its own leases tell, and an older process may need it."""
        arguments = self._place.database
        if arguments is None:
            from aforo.adapters.remote.nats_stores import RemoteStores  # noqa: PLC0415 (time that few need)

            return _closing(stack, await RemoteStores.open(*self._stores_at()))
        database = _closing(stack, await Database.open(keeps_old_schema=keeps_old_schema, **arguments))
        if self._settings.stores_url.get_secret_value():
            from aforo.adapters.remote.nats_stores import StoreService  # noqa: PLC0415 (the same)

            _closing(stack, await StoreService.open(*self._stores_at(), database, self._report))
        return database

    def _stores_at(self) -> tuple[str, bytes]:
        """The broker's address, and the secret by which the processes know each other. Raises CommandFailed."""
        secret = bytes.fromhex(self._settings.kek.get_secret_value())
        if not secret:
            raise CommandFailed("AFORO_STORES_URL needs AFORO_KEK: by it the processes know each other")
        return self._settings.stores_url.get_secret_value(), secret

    def _presence_at(self, url: str) -> "PostgresPresence | JetStreamPresence":
        if not url:
            assert isinstance(self.database, Database), "who reaches no database has leases elsewhere"
            return self.database.presence(self.entropy)
        from aforo.adapters.jetstream_presence import JetStreamPresence  # noqa: PLC0415 (time that few need)

        return JetStreamPresence(url, self.entropy)

    async def _traces(self, stack: AsyncExitStack) -> SpanExporter:
        resource = {
            "service.name": "aforo",
            "service.version": version("aforo"),
            "service.instance.id": f"{self.process.name}-{os.getpid()}",
        }
        exporter = SpanExporter(
            self._settings.otlp_url,
            installation=self._settings.system_title,
            resource=resource,
            report=self._report,
        )
        await stack.enter_async_context(exporter)
        stack.push_async_callback(_end, asyncio.create_task(exporter.run()))
        return exporter

    def _headend(self, door: HttpLegacyDoor) -> HeadEnd:
        database, settings = self.database, self._settings
        stores = Stores(
            orders=database.orders,
            deliveries=database.deliveries,
            audit=database.audit,
            registry=database.registry,
            ledger=database.ledger,
            leases=self._presence,
        )
        surroundings = Surroundings(
            lines=DlmsLines(),
            bell=self._presence,
            door=door,
            clock=self.clock,
            entropy=self.entropy,
            vault=self.vault,
            report=self._report,
            observer=Everybody(*self._observers),
            dialects=settings.known_dialects,
            queue=self._queue,
            secret_of=settings.webhook_secret_of,
        )
        headend_settings = HeadEndSettings(
            title=SystemTitle.from_hex(settings.system_title),
            models=self.models,
            plan=settings.plan,
            calendar=settings.service_calendar,
            answer_wait=settings.answer_wait,
            deadlines=settings.deadlines,
            clock_deviation=timedelta(seconds=settings.clock_deviation_s),
            window=settings.window,
        )
        return HeadEnd(
            stores,
            surroundings,
            headend_settings,
            lru_cache(SOURCES_MAX)(settings.rules_of),
            hosts=self._place.process.loops,
        )

    def _soap_door(self, headend: HeadEnd) -> SoapDoor:
        settings = DoorSettings(dialects=self._settings.known_dialects, gate=self._gate)
        return SoapDoor(headend.integration, now=self.clock.now, settings=settings)

    async def _open_doors(self, stack: AsyncExitStack, headend: HeadEnd) -> None:
        settings, place, database = self._settings, self._place, self.database
        self.token = settings.token.get_secret_value() or self.entropy.octets(24).hex()
        note = SecurityLog(self.clock.now, settings.security_log)
        oauth = None
        if settings.oauth_jwks is not None:
            issuer, audience = settings.oauth_issuer, settings.oauth_audience
            oauth = OAuthTokens(jwks=settings.oauth_jwks, issuer=issuer, audience=audience, now=self.clock.now)
        callers, now = settings.known_callers, self.clock.now
        self._gate = Gatekeeper(callers, operator=self.token, now=now, note=note, oauth=oauth)
        api = operator_api(
            OperatorPorts(
                orders=database.orders,
                desk=headend.desk,
                deliveries=database.deliveries,
                audit=database.audit,
                registry=database.registry,
                vault=self.vault,
                clock=self.clock,
                models=self.models,
                title=SystemTitle.from_hex(settings.system_title),
                status=StatusPorts(database.status, self._metrics, self.clock, lambda: self._is_draining),
                integration=headend.integration,
                relay=headend.relay,
                secret_of=settings.webhook_secret_of,
            ),
            gate=self._gate,
        )
        doors: ASGIApp = api
        if place.process.takes_orders:
            doors = OneOfTwo(SOAP_PATH, self._soap_door(headend), api)
        server = HttpServer(doors, listen_on(settings.host, place.port), settings.tls)
        stack.push_async_callback(server.stop)
        await server.start()
        self.url = server.url
        if place.process.takes_orders:
            running = RunningSystem(self.url, self.token, os.getpid())
            announce(place.data, running)
            stack.callback(withdraw, place.data, running)


Open = TypeVar("Open", "Database", "RemoteStores", "StoreService")


def _closing(stack: AsyncExitStack, opened: Open) -> Open:
    stack.push_async_callback(opened.close)
    return opened


def up(data: Path, port: int, town: Path | None, as_json: bool) -> int:
    """`aforo up`: run until Ctrl-C or SIGTERM."""
    settings = Settings()
    models = load_models(settings.models)
    simulated = None if town is None else Town(load_town(town.read_text(encoding="utf-8"), str(town)), models)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with database_of(settings, data) as database, event_loop() as loop:
        place = Place(data=data, database=database, port=port)
        return loop.run(_serve(System(settings, place, simulated), as_json=as_json))


def part(name: str, data: Path, port: int, as_json: bool) -> int:
    """`aforo integration`, `aforo headend`: one of several processes over one database. Raises CommandFailed."""
    settings = Settings()
    url, stores_url = settings.database_url.get_secret_value(), settings.stores_url.get_secret_value()
    if not (url or stores_url) or not settings.kek.get_secret_value():
        raise CommandFailed(
            f"aforo {name} is one process of several: AFORO_DATABASE_URL names the database that they share (or "
            "AFORO_STORES_URL who reaches it), AFORO_KEK the key-encryption key; `aforo up` needs neither"
        )
    if not url and not settings.leases_url.get_secret_value():
        raise CommandFailed("a process that does not reach the database needs AFORO_LEASES_URL, as all the others do")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with event_loop() as loop:
        place = Place(data=data, database={"dsn": url} if url else None, port=port, process=PROCESSES[name])
        return loop.run(_serve(System(settings, place), as_json=as_json))


def event_loop() -> asyncio.Runner:
    """uvloop's where it runs: half the time per message (dlms.md, section 3).

    What stands there already is never looked at again for garbage, and the rest a hundredth as often as by default:
    7 % of the orders per second.
    """
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def _serve(system: System, *, as_json: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with system:
        _say_up(system, as_json=as_json)
        await stop.wait()
        stop.clear()
        await _drained(system, stop)
    return 0


async def _drained(system: System, stop: asyncio.Event) -> None:
    """Or asked to end once more: then at once."""
    draining, asked = asyncio.ensure_future(system.drain()), asyncio.ensure_future(stop.wait())
    await asyncio.wait((draining, asked), return_when=asyncio.FIRST_COMPLETED)
    for task in (draining, asked):
        task.cancel()
    await asyncio.gather(draining, asked, return_exceptions=True)


def _say_up(system: System, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"url": system.url, "process": os.getpid()}), flush=True)
        return
    print(f"aforo {system.process.name} runs at {system.url}  (Ctrl-C ends it)")
    if not system.process.takes_orders:
        return
    print(f"  orders   POST {system.url}{SOAP_PATH}/EndDeviceControls   description: ?wsdl")
    print("  by hand  aforo limit METER 2.5kW --wait    aforo order list    aforo meter list", flush=True)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
