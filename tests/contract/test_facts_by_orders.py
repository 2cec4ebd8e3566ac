"""Facts lie in tables of a million orders each; there is room for an order's facts before the order has its number."""

import asyncio
from typing import Any

import asyncpg
import pytest

from aforo.adapters.postgres.database import Database
from aforo.adapters.postgres.migrations import migrate, migration_files
from decisions import stored
from postgres_server import PostgresServer, no_schema

BY_ORDERS = "0023_facts_by_orders_pre.sql"
MILLION = 1_000_000
ONE_ORDER = """
INSERT INTO orders (id, version, source, number, kind, meter, limit_w, reason, priority, message_id, correlation_id,
                    language, digest, state, received_at, next_at, attempts, detail, lane)
SELECT $1::bigint, 1, 'S', 'O-' || $1::bigint, 'LIMIT', 'M-1', 100, '', 0, '', '',
       'es', '', 'received', now(), now(), 0, '', ''
"""
ONE_FACT = """
INSERT INTO facts (order_id, step, at, sender, receiver, name, payload, digest)
VALUES ($1, 1, now(), 'A', 'B', 'OrderReceived', '{}', sha256('a'))
"""


async def tables(connection: "asyncpg.Connection[asyncpg.Record]") -> list[tuple[str, str]]:
    """Their names and bounds."""
    rows = await connection.fetch(
        "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = 'facts'::regclass ORDER BY c.relname"
    )
    return [(row[0], row[1].removeprefix("FOR VALUES ")) for row in rows]


async def facts(connection: "asyncpg.Connection[asyncpg.Record]") -> list[tuple[Any, ...]]:
    rows = await connection.fetch("SELECT serial, order_id, place, link FROM facts ORDER BY serial")
    return [tuple(row) for row in rows]


async def test_facts_of_before_are_kept_and_their_chains_go_on(postgres_server: PostgresServer) -> None:
    name = await postgres_server.create_database(no_schema)
    connection = await asyncpg.connect(**postgres_server.connect_arguments(name))
    older = [file for file in migration_files() if file[0] < BY_ORDERS]
    try:
        await migrate(connection, older)
        await connection.execute("SELECT setval('order_ids', 2300000)")
        for order in (7, 2 * MILLION + 300_000):
            await connection.execute(ONE_ORDER, order)
            await connection.execute(ONE_FACT, order)
        before = await facts(connection)

        await migrate(connection)

        assert await facts(connection) == before
        assert await tables(connection) == [
            ("facts_0", "FROM (MINVALUE) TO ('3000000')"),
            ("facts_3", "FROM ('3000000') TO ('4000000')"),
        ]
        await connection.execute(ONE_FACT, 7)
        serial, order, place, link = (await facts(connection))[-1]
        assert (serial, order, place) == (3, 7, 2)
        assert link == await connection.fetchval("SELECT head FROM chains WHERE order_id = 7")
    finally:
        await connection.close()
        await postgres_server.drop_database(name)


@pytest.mark.parametrize(
    "wrong", ["UPDATE facts_0 SET name = ''", "DELETE FROM facts_0", "TRUNCATE facts_0", "TRUNCATE facts_1"]
)
async def test_no_table_of_them_is_changed_past_the_whole(
    fresh_database: dict[str, Any], database: Database, wrong: str
) -> None:
    await stored(database.orders)
    connection = await asyncpg.connect(**fresh_database)
    try:
        with pytest.raises(asyncpg.RaiseError, match="written once"):
            await connection.execute(wrong)
    finally:
        await connection.close()


async def test_there_is_room_on_both_sides_of_a_million(fresh_database: dict[str, Any], database: Database) -> None:
    connection = await asyncpg.connect(**fresh_database)
    await connection.execute("SELECT setval('order_ids', $1::bigint)", MILLION - 51)
    orders = [await stored(database.orders, f"OS-{place}") for place in range(100)]

    assert [order.id for order in orders] == list(range(MILLION - 50, MILLION + 50))
    assert all([await database.orders.facts(order.id) for order in orders])
    assert await connection.fetchval("SELECT count(*) FROM ONLY facts_1") > 0
    assert [table for table, _ in await tables(connection)] == ["facts_0", "facts_1", "facts_2"]
    await connection.close()


async def test_those_who_want_room_at_the_same_time_make_it_once(
    fresh_database: dict[str, Any], database: Database
) -> None:
    connection = await asyncpg.connect(**fresh_database)
    await connection.execute("SELECT setval('order_ids', $1::bigint)", 3 * MILLION)
    others = [await Database.open(**fresh_database) for _ in range(3)]

    ids = await asyncio.gather(*(one.orders.new_order_id() for one in (database, *others)))

    assert len(set(ids)) == 4
    assert [table for table, _ in await tables(connection)] == [f"facts_{place}" for place in range(5)]
    for one in (connection, *others):
        await one.close()


async def test_an_orders_facts_are_looked_for_in_one_table(fresh_database: dict[str, Any], database: Database) -> None:
    await stored(database.orders)
    connection = await asyncpg.connect(**fresh_database)

    plan = await connection.fetch("EXPLAIN SELECT * FROM facts WHERE order_id = 1 ORDER BY serial")

    assert {table for table, _ in await tables(connection) if any(table in row[0] for row in plan)} == {"facts_0"}
    await connection.close()
