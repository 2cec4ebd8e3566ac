"""The ports under test: every test that asks for `stores` runs on the in-memory twins and on PostgreSQL.

`database`      PostgreSQL alone, with a fresh database.
`both_stores`   two of them on the same data, as two processes would have; the twins in memory are one process's.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from aforo.adapters.postgres.database import Database
from aforo.adapters.postgres.migrations import migrate
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
from postgres_server import PostgresServer, Schema


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


def postgres_stores(database: Database) -> Stores:
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


@pytest.fixture(params=["memory", "postgres"])
async def both_stores(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Stores, Stores]]:
    if request.param == "memory":
        twin = memory_stores()
        yield twin, twin
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = await server.create_database(migrate)
    first, second = [await Database.open(**server.connect_arguments(name)) for _ in range(2)]
    yield postgres_stores(first), postgres_stores(second)
    await first.close()
    await second.close()
    await server.drop_database(name)


@pytest.fixture
def stores(both_stores: tuple[Stores, Stores]) -> Stores:
    return both_stores[0]
