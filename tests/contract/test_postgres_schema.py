"""The schema: wrong states that it makes impossible, whoever writes, and how it comes into being."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from aforo.adapters.postgres.database import Database
from aforo.adapters.postgres.migrations import migrate, migration_files
from aforo.domain.devices import DeviceSecurity, Link
from aforo.domain.identifiers import ConcentratorNumber, MeterNumber
from aforo.domain.order_states import ENDS, OrderState
from cases import WEDNESDAY, a_meter
from contract.conftest import postgres_stores
from contract.test_device_registry import with_concentrators
from decisions import stored
from postgres_server import PostgresServer, no_schema


async def ask(arguments: dict[str, Any], statement: str, *values: Any) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(**arguments)
    try:
        return [tuple(row) for row in await connection.fetch(statement, *values)]
    finally:
        await connection.close()


@pytest.fixture
async def order(database: Database) -> int:
    return (await stored(database.orders)).id


@pytest.mark.parametrize(
    "wrong",
    [
        "limit_w = 0",
        "limit_w = 10000001",
        "limit_w = NULL",
        "state = 'lost'",
        "state = 'verified'",
        "source = ''",
        "number = ''",
        "meter = ''",
        "version = 0",
        "attempts = -1",
        "next_at = NULL",
        "ended_at = now()",
        "state = 'FAILED', next_at = NULL",
        "state = 'FAILED', ended_at = now()",
        "state = 'VERIFIED', next_at = NULL, ended_at = now()",
        "state = 'dispatched', ended_at = now()",
    ],
)
async def test_an_order_cannot_be_in_a_state_that_contradicts_itself(
    fresh_database: dict[str, Any], order: int, wrong: str
) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await ask(fresh_database, f"UPDATE orders SET {wrong} WHERE id = $1", order)


@pytest.mark.parametrize("state", OrderState)
async def test_every_state_of_the_order_table_is_known_to_the_schema(database: Database, state: OrderState) -> None:
    order = await stored(database.orders, state=state)

    assert (order.ended_at is not None) is (state in ENDS)
    assert await database.orders.order(order.id) == order


@pytest.mark.parametrize("wrong", ["UPDATE facts SET name = ''", "DELETE FROM facts", "TRUNCATE facts"])
async def test_a_fact_is_never_changed_nor_removed(fresh_database: dict[str, Any], order: int, wrong: str) -> None:
    with pytest.raises(asyncpg.RaiseError, match="written once"):
        await ask(fresh_database, wrong)

    assert await ask(fresh_database, "SELECT order_id FROM facts") == [(order,)]


async def test_an_order_that_has_facts_is_never_removed(fresh_database: dict[str, Any], order: int) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await ask(fresh_database, "DELETE FROM orders WHERE id = $1", order)


async def test_links_that_were_are_kept_with_their_times(fresh_database: dict[str, Any], database: Database) -> None:
    registry = postgres_stores(database).registry
    await with_concentrators(registry, "C-1", "C-2")
    moved = a_meter(concentrator=ConcentratorNumber("C-2"))
    days = [WEDNESDAY + timedelta(days=day) for day in range(5)]
    for meter, day in zip([a_meter(), a_meter(), moved, a_meter(Link.DIRECT), a_meter()], days, strict=True):
        await registry.put_meters([meter], day)

    links = await ask(fresh_database, "SELECT concentrator, valid_from, valid_to FROM meter_links ORDER BY valid_from")

    assert links == [("C-1", days[0], days[2]), ("C-2", days[2], days[3]), ("C-1", days[4], None)]


async def test_a_meter_has_one_open_link_at_most(fresh_database: dict[str, Any], database: Database) -> None:
    await with_concentrators(database.registry, "C-1", "C-2")
    await database.registry.put_meters([a_meter()], WEDNESDAY)

    with pytest.raises(asyncpg.UniqueViolationError):
        await ask(fresh_database, "INSERT INTO meter_links VALUES ('M-1', 'C-2', now(), NULL)")


async def test_meters_put_at_the_same_time_by_two_leave_one_open_link(
    fresh_database: dict[str, Any], database: Database
) -> None:
    await with_concentrators(database.registry, "C-1", "C-2")
    await database.registry.put_meters([a_meter()], WEDNESDAY)
    puts = [[a_meter(concentrator=ConcentratorNumber(f"C-{number % 2 + 1}"))] for number in range(10)]

    await asyncio.gather(*(database.registry.put_meters(put, WEDNESDAY) for put in puts))

    open_links = await ask(fresh_database, "SELECT concentrator FROM meter_links WHERE valid_to IS NULL")
    (meter,) = await database.registry.list_meters(10)
    assert open_links == [(meter.concentrator,)]


async def test_a_refused_put_keeps_no_part_of_it(fresh_database: dict[str, Any], database: Database) -> None:
    security = DeviceSecurity(b"short", b"", b"")

    with pytest.raises(asyncpg.CheckViolationError):
        await database.registry.put_meters(
            [a_meter(Link.DIRECT), a_meter(Link.DIRECT, number=MeterNumber("M-2"), security=security)], WEDNESDAY
        )

    assert await database.registry.list_meters(10) == []
    assert await ask(fresh_database, "SELECT * FROM meter_links") == []


async def test_migrating_again_changes_nothing(fresh_database: dict[str, Any], database: Database, order: int) -> None:
    applied = await ask(fresh_database, "SELECT * FROM migrations ORDER BY name")
    connection = await asyncpg.connect(**fresh_database)

    await migrate(connection)
    await connection.close()

    assert [row[0] for row in applied] == [name for name, _ in migration_files()]
    assert await ask(fresh_database, "SELECT * FROM migrations ORDER BY name") == applied
    assert [kept.id for kept in await database.orders.latest(10)] == [order]


async def test_processes_that_start_at_the_same_time_migrate_once(postgres_server: PostgresServer) -> None:
    name = await postgres_server.create_database(no_schema)
    arguments = postgres_server.connect_arguments(name)

    opened = await asyncio.gather(*(Database.open(**arguments) for _ in range(4)))

    try:
        assert [await one.orders.counts() for one in opened] == [{}] * 4
        assert len(await ask(arguments, "SELECT * FROM migrations")) == len(migration_files())
    finally:
        await asyncio.gather(*(one.close() for one in opened))
        await postgres_server.drop_database(name)


def test_migrations_are_numbered_without_a_gap_and_say_when_they_run() -> None:
    names = [name for name, _ in migration_files()]

    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert all(name.endswith(("_pre.sql", "_post.sql")) for name in names)
