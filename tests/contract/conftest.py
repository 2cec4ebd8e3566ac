"""The ports under test: every test that asks for `stores` runs on the in-memory twins, on PostgreSQL, and on the same
over NATS.

`database`      PostgreSQL alone, with a fresh database.
`both_stores`   two of them on the same data, as two processes would have; the twins in memory are one process's.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from aforo.adapters.postgres.database import Database
from aforo.adapters.postgres.migrations import migrate
from aforo.adapters.remote.nats_stores import RemoteStores, StoreService
from aforo.engine.memory import (
    MemoryDeliveryStore,
    MemoryDeviceRegistry,
    MemoryOrderStore,
    MemorySessionLedger,
)
from aforo.engine.memory_audit import MemoryAuditStore
from aforo.engine.memory_status import MemoryStatusStore
from aforo.engine.ports import AuditStore, DeliveryStore, DeviceRegistry, OrderStore, SessionLedger
from aforo.engine.status import StatusStore
from brokers import Nats, free_port, with_nats
from postgres_server import PostgresServer, Schema

SECRET = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Stores:
    """The ports that share one store."""

    orders: OrderStore
    deliveries: DeliveryStore
    registry: DeviceRegistry
    ledger: SessionLedger
    audit: AuditStore
    status: StatusStore


def memory_stores() -> Stores:
    orders, ledger = MemoryOrderStore(), MemorySessionLedger()
    deliveries = MemoryDeliveryStore(orders)
    status = MemoryStatusStore(orders, deliveries)
    return Stores(orders, deliveries, MemoryDeviceRegistry(ledger), ledger, MemoryAuditStore(orders), status)


def postgres_stores(database: Database | RemoteStores) -> Stores:
    one = database
    return Stores(one.orders, one.deliveries, one.registry, one.ledger, one.audit, one.status)


@pytest.fixture(scope="session")
def database_schema() -> Schema:
    return migrate


@pytest.fixture
async def database(fresh_database: dict[str, Any]) -> AsyncIterator[Database]:
    opened = await Database.open(**fresh_database)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    broker = Nats(tmp_path_factory.mktemp("nats"), free_port())
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(params=["memory", "postgres", pytest.param("remote", marks=with_nats)])
async def both_stores(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Stores, Stores]]:
    if request.param == "memory":
        twin = memory_stores()
        yield twin, twin
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = await server.create_database(migrate)
    first, second = [await Database.open(**server.connect_arguments(name)) for _ in range(2)]
    if request.param == "postgres":
        yield postgres_stores(first), postgres_stores(second)
    else:
        broker: Nats = request.getfixturevalue("nats_server")
        async with served(broker.url, first) as near, served(broker.url, second) as far:
            yield near, far
    await first.close()
    await second.close()
    await server.drop_database(name)


def failing(who: str, wrong: BaseException) -> None:
    raise AssertionError(f"{who}: {wrong!r}")


@asynccontextmanager
async def served(url: str, database: Database) -> AsyncIterator[Stores]:
    """A database's stores as a process sees them that reaches only the broker."""
    async with AsyncExitStack() as stack:
        service = await StoreService.open(url, SECRET, database, failing)
        stack.push_async_callback(service.close)
        remote = await RemoteStores.open(url, SECRET)
        stack.push_async_callback(remote.close)
        yield postgres_stores(remote)


@pytest.fixture
def stores(both_stores: tuple[Stores, Stores]) -> Stores:
    return both_stores[0]
