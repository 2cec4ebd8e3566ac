"""A long history for measurements: ended orders copied with all that is theirs, older than what there was."""

import json
from typing import Any

import asyncpg
import pytest

from aforo.adapters.postgres.database import Database
from aforo.adapters.postgres.long_history import lengthen
from aforo.adapters.postgres.order_store import SQL
from aforo.domain.order import AGED_AFTER
from aforo.domain.order_states import OrderState
from cases import WEDNESDAY
from decisions import stored


async def test_what_has_ended_is_copied_with_its_facts_and_may_be_copied_again(
    fresh_database: dict[str, Any], database: Database
) -> None:
    waiting = await stored(database.orders, "OS-1")
    for number in ("OS-2", "OS-3"):
        await stored(database.orders, number, meter=f"M-{number}", state=OrderState.VERIFIED)
    connection = await asyncpg.connect(**fresh_database)
    try:
        facts = await connection.fetchval("SELECT count(*) FROM facts WHERE order_id <> $1", waiting.id)

        assert await lengthen(connection, 4) == 1 + 2 * 5
        assert await lengthen(connection, 1) == 1 + 2 * 10

        assert await connection.fetchval("SELECT count(*) FROM facts WHERE order_id <> $1", waiting.id) == 10 * facts
        assert await connection.fetchval("SELECT count(*) FROM orders WHERE id > $1", waiting.id + 2) == 0
        assert await connection.fetchval("SELECT count(*) FROM chains WHERE order_id < $1 AND NOT is_sealed", 1) == 0
    finally:
        await connection.close()
    assert await database.orders.order(waiting.id) == waiting
    assert await database.orders.due(waiting.lane, WEDNESDAY, 10) == [waiting]


OF_AN_ORDER = ("due", "overtaken", "older_unsent", "known_limits", "in_flight", "numbers_of_messages", "find")
READ_MAX = 300
"""Rows that a statement may look at, of the thousands that there are."""


@pytest.mark.parametrize("name", OF_AN_ORDER)
async def test_what_is_asked_of_each_order_reads_no_history(
    fresh_database: dict[str, Any], database: Database, name: str
) -> None:
    """With a million orders stored an order cost twice as much as with ten thousand, for want of one index."""
    waiting = await stored(database.orders, "OS-1")
    await stored(database.orders, "OS-2", meter="M-2", state=OrderState.VERIFIED)
    asked: dict[str, tuple[Any, ...]] = {
        "due": ([waiting.lane], [WEDNESDAY], [10], [WEDNESDAY - AGED_AFTER], [""]),
        "older_unsent": ([waiting.request.meter], [waiting.id], ["limit"]),
        "known_limits": ([waiting.request.meter],),
        "in_flight": ([waiting.lane],),
        "numbers_of_messages": ([waiting.request.source], ["1001"], 10),
        "find": (waiting.request.source, "OS-1"),
    }
    connection = await asyncpg.connect(**fresh_database)
    try:
        await lengthen(connection, 3_000)
        asked["overtaken"] = ([await connection.fetchval("SELECT min(id) FROM orders")],)
        statement = f"EXPLAIN (ANALYZE, FORMAT JSON) {SQL[name]}"
        plan = json.loads(await connection.fetchval(statement, *asked[name]))[0]["Plan"]
    finally:
        await connection.close()

    assert _rows_read(plan) < READ_MAX, plan


def _rows_read(plan: dict[str, Any]) -> float:
    own: float = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    own += plan.get("Rows Removed by Join Filter", 0) * plan["Actual Loops"]
    return own + sum(_rows_read(part) for part in plan.get("Plans", ()))
