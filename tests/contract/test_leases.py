"""Leases on PostgreSQL: what one process holds no other has, until it is gone, frozen for too long, or lets go."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from aforo.adapters.postgres.database import Database
from aforo.adapters.postgres.presence import PostgresPresence
from aforo.adapters.system_entropy import SystemEntropy

LONG = timedelta(hours=1)
LAPSED = timedelta(seconds=-1)


@pytest.fixture
async def two(fresh_database: dict[str, Any], database: Database) -> AsyncIterator[list[PostgresPresence]]:
    """Of two processes, both joined."""
    other = await Database.open(**fresh_database)
    processes = [one.presence(SystemEntropy()) for one in (database, other)]
    for process in processes:
        await process.join(LONG)
    yield processes
    for process in processes:
        await process.leave()
    await other.close()


async def _gone(database: Database, process: PostgresPresence) -> None:
    """Until the server has seen that its connection has ended."""
    async with asyncio.timeout(10):
        while await database._pool.fetchval("SELECT is_there($1)", process._process):  # noqa: ASYNC110 (nothing tells)
            await asyncio.sleep(0)


async def orphans(process: PostgresPresence) -> tuple[str, ...]:
    standing = await process.renew(LONG)
    assert standing is not None
    return standing.orphans


async def test_what_one_holds_the_other_does_not_get_until_it_is_let_go(two: list[PostgresPresence]) -> None:
    one, other = two

    assert await one.take("lane C-1")
    assert await one.take("lane C-1")
    assert [await other.take("lane C-1"), await other.take("lane C-2")] == [False, True]
    await other.let_go("lane C-1")
    assert not await other.take("lane C-1")
    await one.let_go("lane C-1")
    assert await other.take("lane C-1")


async def test_of_many_who_ask_at_once_one_gets_it(two: list[PostgresPresence]) -> None:
    told = await asyncio.gather(*(process.take(f"lane {lane}") for lane in range(20) for process in two))

    assert sum(told) == 20


async def test_what_a_dead_process_held_is_found_and_taken_at_once(
    two: list[PostgresPresence], database: Database
) -> None:
    one, other = two
    await one.take("lane C-1")
    assert await orphans(other) == ()

    assert one._connection is not None
    one._connection.terminate()
    await _gone(database, one)

    assert await orphans(other) == ("lane C-1",)
    assert await other.take("lane C-1")
    assert await orphans(other) == ()
    assert await one.renew(LONG) is None


async def test_a_process_that_was_frozen_for_too_long_has_lost_everything(two: list[PostgresPresence]) -> None:
    one, other = two
    await one.take("lane C-1")
    await one.renew(LAPSED)

    assert await one.renew(LONG) is None
    assert not await one.take("lane C-1")
    assert await other.take("lane C-1")
    await one.join(LONG)
    assert not await one.take("lane C-1")


async def test_a_process_that_leaves_leaves_what_it_held_to_be_found(two: list[PostgresPresence]) -> None:
    one, other = two
    await one.take("lane C-1")
    await one.leave()

    assert await orphans(other) == ("lane C-1",)


async def test_who_has_just_come_is_rung_for_at_once(fresh_database: dict[str, Any], database: Database) -> None:
    """Also by one that took itself for alone when it last looked."""
    one, heard_of = database.presence(SystemEntropy()), asyncio.Event()
    one.listen(lambda _: heard_of.set())
    await one.join(LONG)
    await one.renew(LONG)
    second = await Database.open(**fresh_database)
    other, heard = second.presence(SystemEntropy()), asyncio.Event()
    other.listen(lambda _: heard.set())

    async with asyncio.timeout(10):
        await other.join(LONG)
        await heard_of.wait()
        one.ring("relay")
        await heard.wait()

    assert not one._is_alone
    for process in (one, other):
        await process.leave()
    await second.close()


async def test_a_ring_is_heard_by_the_others_and_costs_nothing_for_one_alone(two: list[PostgresPresence]) -> None:
    one, other = two
    heard: asyncio.Queue[str] = asyncio.Queue()
    other.listen(heard.put_nowait)
    await one.renew(LONG)

    for subject in ("relay", "relay", "lane C-1"):
        one.ring(subject)

    async with asyncio.timeout(10):
        assert {await heard.get(), await heard.get()} == {"relay", "lane C-1"}
    await other.leave()
    await one.renew(LONG)
    one.ring("relay")
    assert one._ringing is None
