"""Leases: what one process holds no other has, until it is gone, frozen for too long, or lets go.

On PostgreSQL and on NATS JetStream alike; what only one of them can promise is asked of that one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js.errors import NotFoundError

from aforo.adapters.jetstream_presence import STREAMS, JetStreamPresence
from aforo.adapters.postgres.database import Database
from aforo.adapters.postgres.presence import PostgresPresence
from aforo.adapters.system_entropy import SystemEntropy
from aforo.engine.ports import StoreUnavailable
from brokers import Nats, free_port, with_nats

LONG = timedelta(hours=1)
LAPSED = timedelta(seconds=-1)
Presence = PostgresPresence | JetStreamPresence


async def emptied(broker: Nats) -> str:
    """Its address, and nothing is left there of another test."""
    client = await nats.connect(broker.url)
    for stream in STREAMS.values():
        with suppress(NotFoundError):
            await client.jetstream().delete_stream(stream)
    await client.close()
    return broker.url


@pytest.fixture
async def of_postgres(fresh_database: dict[str, Any], database: Database) -> AsyncIterator[list[PostgresPresence]]:
    """Of two processes, both joined."""
    other = await Database.open(**fresh_database)
    processes = [one.presence(SystemEntropy()) for one in (database, other)]
    for process in processes:
        await process.join(LONG)
    yield processes
    for process in processes:
        await process.leave()
    await other.close()


@pytest.fixture
async def of_jetstream(nats_server: Nats) -> AsyncIterator[list[JetStreamPresence]]:
    url = await emptied(nats_server)
    processes = [JetStreamPresence(url, SystemEntropy()) for _ in range(2)]
    for process in processes:
        await process.join(LONG)
    yield processes
    for process in processes:
        await process.leave()


@pytest.fixture(params=["of_postgres", pytest.param("of_jetstream", marks=with_nats)])
def two(request: pytest.FixtureRequest) -> list[Presence]:
    processes: list[Presence] = request.getfixturevalue(request.param)
    return processes


async def _gone(database: Database, process: PostgresPresence) -> None:
    """Until the server has seen that its connection has ended."""
    async with asyncio.timeout(10):
        while await database._pool.fetchval("SELECT is_there($1)", process._process):  # noqa: ASYNC110 (nothing tells)
            await asyncio.sleep(0)


async def orphans(process: Presence) -> tuple[str, ...]:
    standing = await process.renew(LONG)
    assert standing is not None
    return standing.orphans


async def finds(process: Presence, *names: str) -> None:
    """Until it does: NATS tells the others a little later than whom it answers."""
    async with asyncio.timeout(10):
        while await orphans(process) != names:  # noqa: ASYNC110 (nothing tells)
            await asyncio.sleep(0)


async def test_what_one_holds_the_other_does_not_get_until_it_is_let_go(two: list[Presence]) -> None:
    one, other = two

    assert await one.take("lane C-1")
    assert await one.take("lane C-1")
    assert [await other.take("lane C-1"), await other.take("lane C-2")] == [False, True]
    await other.let_go("lane C-1")
    assert not await other.take("lane C-1")
    await one.let_go("lane C-1")
    assert await other.take("lane C-1")


async def test_of_many_who_ask_at_once_one_gets_it(two: list[Presence]) -> None:
    told = await asyncio.gather(*(process.take(f"lane {lane}") for lane in range(20) for process in two))

    assert sum(told) == 20


@pytest.mark.parametrize("name", ["concentrator:C-1", "role relay", "lane with spaces, a * and a >", "medidor ñ"])
async def test_a_name_is_any_text(two: list[Presence], name: str) -> None:
    one, other = two

    assert await one.take(name)
    assert not await other.take(name)
    await one.leave()
    await finds(other, name)


async def test_a_process_that_was_frozen_for_too_long_has_lost_everything(two: list[Presence]) -> None:
    one, other = two
    await one.take("lane C-1")
    await one.renew(LAPSED)

    assert await one.renew(LONG) is None
    assert not await one.take("lane C-1")
    assert await other.take("lane C-1")
    await one.join(LONG)
    assert not await one.take("lane C-1")


async def test_a_process_that_leaves_leaves_what_it_held_to_be_found(two: list[Presence]) -> None:
    one, other = two
    await one.take("lane C-1")
    await other.take("lane C-2")
    await one.leave()

    await finds(other, "lane C-1")
    assert await other.take("lane C-1")
    await finds(other)


async def test_a_process_counts_the_others_that_are_there(two: list[Presence]) -> None:
    one, other = two
    standing = await one.renew(LONG)
    assert standing is not None
    assert standing.others == 1

    await other.leave()
    async with asyncio.timeout(10):
        while (standing := await one.renew(LONG)) is not None and standing.others:  # noqa: ASYNC110 (nothing tells)
            await asyncio.sleep(0)
    assert standing is not None


async def test_who_has_not_joined_holds_nothing(two: list[Presence]) -> None:
    one, _ = two
    await one.leave()

    assert await one.renew(LONG) is None
    with pytest.raises(StoreUnavailable):
        await one.take("lane C-1")


async def test_a_ring_is_heard_by_the_others_and_costs_nothing_for_one_alone(two: list[Presence]) -> None:
    one, other = two
    heard: asyncio.Queue[str] = asyncio.Queue()
    other.listen(heard.put_nowait)
    await one.renew(LONG)

    for subject in ("relay", "relay", "lane C-1"):
        one.ring(subject)

    async with asyncio.timeout(10):
        assert {await heard.get(), await heard.get()} == {"relay", "lane C-1"}
    await other.leave()
    async with asyncio.timeout(10):
        while not one._is_alone:
            await one.renew(LONG)
    one.ring("relay")
    assert one._rings.is_idle


# PostgreSQL


async def test_what_a_dead_process_held_is_found_and_taken_at_once(
    of_postgres: list[PostgresPresence], database: Database
) -> None:
    one, other = of_postgres
    await one.take("lane C-1")
    assert await orphans(other) == ()

    assert one._connection is not None
    one._connection.terminate()
    await _gone(database, one)

    assert await orphans(other) == ("lane C-1",)
    assert await other.take("lane C-1")
    assert await orphans(other) == ()
    assert await one.renew(LONG) is None


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


# NATS JetStream


@with_nats
async def test_who_joins_over_nats_is_rung_for_at_once_and_hears_what_is_held(nats_server: Nats) -> None:
    url = await emptied(nats_server)
    one, other = JetStreamPresence(url, SystemEntropy()), JetStreamPresence(url, SystemEntropy())
    heard_of, heard = asyncio.Event(), asyncio.Event()
    one.listen(lambda _: heard_of.set())
    other.listen(lambda _: heard.set())
    await one.join(LONG)
    assert await orphans(one) == ()
    assert await one.take("lane C-1")

    async with asyncio.timeout(10):
        await other.join(LONG)
        await heard_of.wait()
        one.ring("relay")
        await heard.wait()

    assert not await other.take("lane C-1")
    for process in (one, other):
        await process.leave()


@with_nats
async def test_a_lease_survives_the_server_and_its_holder_does_too_if_it_is_back_in_time(tmp_path: Path) -> None:
    broker = Nats(tmp_path, free_port())
    broker.start()
    try:
        one, other = (JetStreamPresence(broker.url, SystemEntropy()) for _ in range(2))
        await one.join(LONG)
        await one.take("lane C-1")
        broker.kill()
        with pytest.raises(StoreUnavailable):
            await one.take("lane C-2")
        with pytest.raises(StoreUnavailable):
            await other.join(LONG)

        broker.start()
        await other.join(LONG)

        assert not await other.take("lane C-1")  # its holder may still be at it: its lease has not run out
        assert await one.renew(LONG) is None  # but it has lost its connection, and with it everything
        await other.leave()
    finally:
        broker.kill()
