"""Group commit: calls that come together share a transaction, and none pays for another's mistake."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeAlias

import asyncpg
import pytest

from aforo.adapters.postgres.group_commit import BATCH_MAX, Connection, GroupCommit

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@pytest.fixture
async def pool(fresh_database: dict[str, Any]) -> AsyncIterator[Pool]:
    async with asyncpg.create_pool(**fresh_database, min_size=1, max_size=2) as opened:
        await opened.execute("CREATE TABLE written (item integer PRIMARY KEY CHECK (item <> 13))")
        yield opened


class Table:
    """Writes items as rows. gate: closed until the test opens it."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, connection: Connection, items: Sequence[int]) -> Sequence[int | Exception]:
        self.batches.append(list(items))
        await self.gate.wait()
        await connection.execute("INSERT INTO written SELECT unnest($1::integer[])", items)
        return [ValueError("odd") if item == 7 else -item for item in items]


async def turns(count: int = 5) -> None:
    """Let everything that can go on go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def rows(pool: Pool) -> list[int]:
    return [row["item"] for row in await pool.fetch("SELECT item FROM written ORDER BY item")]


async def test_a_call_that_comes_alone_goes_at_once(pool: Pool) -> None:
    table = Table()
    group: GroupCommit[int, int] = GroupCommit(pool, table.write)

    assert await group.submit(1) == -1
    assert await group.submit(2) == -2

    assert table.batches == [[1], [2]]
    assert await rows(pool) == [1, 2]


async def test_what_comes_while_a_transaction_is_under_way_goes_together_after_it(pool: Pool) -> None:
    table = Table()
    group: GroupCommit[int, int] = GroupCommit(pool, table.write)
    table.gate.clear()
    calls = [asyncio.create_task(group.submit(1))]
    while not table.batches:
        await turns(1)
    calls += [asyncio.create_task(group.submit(item)) for item in range(2, 6)]
    await turns()

    table.gate.set()

    assert await asyncio.gather(*calls) == [-1, -2, -3, -4, -5]
    assert table.batches == [[1], [2, 3, 4, 5]]


async def test_a_batch_has_a_limit_and_nobody_is_left_behind(pool: Pool) -> None:
    table = Table()
    group: GroupCommit[int, int] = GroupCommit(pool, table.write)
    items = range(100, 100 + 2 * BATCH_MAX + 1)

    answers = await asyncio.gather(*(group.submit(item) for item in items))

    assert answers == [-item for item in items]
    assert max(len(batch) for batch in table.batches) == BATCH_MAX
    assert await rows(pool) == list(items)


async def test_one_that_breaks_a_constraint_fails_alone(pool: Pool) -> None:
    table = Table()
    group: GroupCommit[int, int] = GroupCommit(pool, table.write)

    answers = await asyncio.gather(*(group.submit(item) for item in range(10, 20)), return_exceptions=True)

    assert isinstance(answers[3], asyncpg.CheckViolationError)
    assert [answer for answer in answers if isinstance(answer, int)] == [-10, -11, -12, *range(-14, -20, -1)]
    assert await rows(pool) == [10, 11, 12, *range(14, 20)]


async def test_one_that_cannot_be_encoded_fails_alone(pool: Pool) -> None:
    group: GroupCommit[int, int] = GroupCommit(pool, Table().write)

    answers = await asyncio.gather(*(group.submit(item) for item in (1, 2**31, 3)), return_exceptions=True)

    assert answers[::2] == [-1, -3]
    assert isinstance(answers[1], asyncpg.DataError)
    assert await rows(pool) == [1, 3]


async def test_an_answer_that_is_an_exception_is_raised_to_its_caller_alone(pool: Pool) -> None:
    group: GroupCommit[int, int] = GroupCommit(pool, Table().write)

    answers = await asyncio.gather(*(group.submit(item) for item in (6, 7, 8)), return_exceptions=True)

    assert [answers[0], answers[2]] == [-6, -8]
    assert isinstance(answers[1], ValueError)


async def test_items_of_one_key_never_share_a_batch_and_keep_their_order(pool: Pool) -> None:
    table = Table()
    group: GroupCommit[int, int] = GroupCommit(pool, table.write, key=lambda item: item % 2)

    await asyncio.gather(*(group.submit(item) for item in (1, 2, 3, 5, 4)))

    assert table.batches == [[1, 2], [3, 4], [5]]


async def test_a_caller_that_gives_up_takes_nobody_with_it(pool: Pool) -> None:
    table = Table()
    group: GroupCommit[int, int] = GroupCommit(pool, table.write)
    table.gate.clear()
    calls = [asyncio.create_task(group.submit(item)) for item in (1, 2)]
    while not table.batches:
        await turns(1)

    calls[0].cancel()
    await turns()
    table.gate.set()

    assert await calls[1] == -2
    assert calls[0].cancelled()
    assert await rows(pool) == [1, 2]
    assert await group.submit(3) == -3
