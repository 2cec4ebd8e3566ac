"""A database that goes away: what was returned is kept, what was open is gone, and the store finds it again."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from aforo.adapters.postgres.database import Database
from aforo.adapters.postgres.embedded import EmbeddedPostgres, SocketFolder
from aforo.domain.identifiers import Epoch, OrderId, OrderNumber, Source
from aforo.domain.order import Order
from aforo.domain.order_states import OrderState
from aforo.engine.ports import StaleOrder, StoreUnavailable
from aforo.flow.decision import Decision
from cases import WEDNESDAY
from decisions import a_fact, a_result, standing, stored
from edge.embedded_situations import a_place, copy_of_a_stopped_cluster

WRITTEN_MAX = 400


class Machine:
    """One PostgreSQL of the test's own, that can lose its power."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.server = EmbeddedPostgres.start(folder)
        self._handle = SocketFolder(self.server.cluster)  # the server's own handle closes with it

    @property
    def arguments(self) -> dict[str, Any]:
        return self._handle.connect_arguments()

    def lose_power(self) -> None:
        os.kill(self.server.process, signal.SIGKILL)
        self.server.stop()

    def come_back(self) -> None:
        self.server = EmbeddedPostgres.start(self._folder)

    def close(self) -> None:
        self.server.stop()
        self._handle.close()


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    with a_place() as place:
        running = Machine(copy_of_a_stopped_cluster(place / "used"))
        try:
            yield running
        finally:
            running.close()


@pytest.fixture
async def opened(machine: Machine) -> AsyncIterator[Database]:
    database = await Database.open(**machine.arguments)
    yield database
    await database.close()


async def test_what_a_call_returned_is_there_after_a_kill_and_the_store_recovers(
    machine: Machine, opened: Database
) -> None:
    order = await stored(opened.orders, state=OrderState.DISPATCHED)
    reserved = await opened.ledger.raise_counter("meter:M-1", 7, 10)
    epoch = await opened.ledger.open_epoch("C-1")
    told = await opened.ledger.next_fence("C-1", epoch), epoch
    ended = await opened.orders.commit(Decision(standing(order, OrderState.VERIFIED), (a_fact(),)), a_result(order))

    machine.lose_power()
    machine.come_back()

    assert await found_again(opened, order.id) == ended
    assert len(await opened.orders.facts(order.id)) == 3
    assert await opened.deliveries.outbox(10) == [a_result(order)]
    again = await opened.ledger.reserve_counters("meter:M-1", 10)
    assert again is not None
    assert again.next == reserved.next + reserved.remaining
    assert await opened.ledger.next_fence("C-1", epoch) > told[0]
    assert await opened.ledger.open_epoch("C-1") == told[1] + 1
    assert await opened.orders.new_order_id() > order.id


async def test_a_kill_among_many_commits_loses_none_that_returned(machine: Machine, opened: Database) -> None:
    returned: list[Order] = []

    async def write(number: int) -> None:
        returned.append(await stored(opened.orders, f"OS-{number}", meter=f"M-{number}"))
        if len(returned) == WRITTEN_MAX // 4:
            machine.lose_power()

    answers = await asyncio.gather(*(write(number) for number in range(WRITTEN_MAX)), return_exceptions=True)
    machine.come_back()

    lost = [answer for answer in answers if answer is not None]
    assert all(isinstance(answer, StoreUnavailable) for answer in lost)
    await found_again(opened, OrderId(1))
    kept = {order.number: order for order in await opened.orders.latest(WRITTEN_MAX)}
    assert all(kept[order.number] == order for order in returned)
    assert {len(await opened.orders.facts(order.id)) for order in kept.values()} <= {1}


async def test_every_call_says_that_the_database_is_away(machine: Machine, opened: Database) -> None:
    order = await stored(opened.orders)
    decision = Decision(standing(order, OrderState.HELD), ())
    machine.server.stop()

    for call in (
        lambda: opened.orders.commit(decision),
        lambda: opened.orders.receive(decision, None),
        lambda: opened.orders.due("C-1", WEDNESDAY, 10),
        lambda: opened.orders.find(Source("CIS"), OrderNumber("OS-1")),
        lambda: opened.deliveries.outbox(10),
        lambda: opened.registry.list_meters(10),
        lambda: opened.registry.put_meters([], WEDNESDAY),
        lambda: opened.ledger.next_fence("C-1", Epoch(1)),
        lambda: opened.ledger.reserve_counters("meter:M-1", 1),
    ):
        with pytest.raises(StoreUnavailable, match=r"cannot be reached: ."):
            await call()


async def test_a_session_that_ends_before_its_commit_leaves_nothing(
    fresh_database: dict[str, Any], database: Database
) -> None:
    order = await stored(database.orders)
    connection = await asyncpg.connect(**fresh_database)
    await connection.execute("BEGIN")
    await connection.execute("UPDATE orders SET version = version + 1, state = 'held' WHERE id = $1", order.id)

    connection.terminate()

    assert (await database.orders.commit(Decision(order, (a_fact(),)))).version == order.version + 1


async def test_a_server_that_ends_our_sessions_is_found_again(
    fresh_database: dict[str, Any], database: Database
) -> None:
    order = await stored(database.orders)
    connection = await asyncpg.connect(**fresh_database)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'aforo' "
        "AND datname = current_database()"
    )
    await connection.close()

    kept = await found_again(database, order.id)

    assert kept == order
    with pytest.raises(StaleOrder):
        await database.orders.commit(Decision(standing(order, OrderState.HELD, version=9), ()))


async def test_a_server_told_not_to_wait_for_its_disk_waits_for_us(fresh_database: dict[str, Any]) -> None:
    connection = await asyncpg.connect(**fresh_database)
    await connection.execute(f'ALTER DATABASE "{fresh_database["database"]}" SET synchronous_commit = off')
    await connection.close()

    database = await Database.open(**fresh_database)

    async with database._pool.acquire() as one:
        assert await one.fetchval("SHOW synchronous_commit") == "on"
    await database.close()


async def test_a_mistake_of_ours_is_not_taken_for_an_outage(database: Database) -> None:
    """Whoever hears StoreUnavailable waits and tries again, for ever."""
    with pytest.raises(asyncpg.DataError, match="int64"):
        await database.orders.order(OrderId(2**63))


async def found_again(database: Database, order_id: OrderId) -> Order:
    """Each connection that was lost says so once; no more than the pool has."""
    for _ in range(17):
        try:
            order = await database.orders.order(order_id)
        except StoreUnavailable:
            await asyncio.sleep(0)  # the end of a connection must be read before anyone knows of it
            continue
        assert order is not None
        return order
    raise AssertionError("the store did not find its database again")
