"""Calls that come at the same time share one statement or transaction: the disk, and the way to it, is paid once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

import asyncpg

from aforo.adapters.postgres.outage import is_outage, unavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

BATCH_MAX = 500
CROWD = 10
PACE_S = 0.005
"""How long a batch gathers when more than CROWD came for the one before. Measured with `aforo bench orders`, 1,000
concentrators: 7.4 statements for an order become 1.4, and twice as long saves no more. Ten lanes of meters that are
spoken to one after the other are a third slower when they, too, wait for each other.
"""


@dataclass(slots=True)
class _Waiting(Generic[Item, Answer]):
    item: Item
    key: Hashable
    answer: "asyncio.Future[Answer]"


class Gathering(Generic[Item, Answer]):
    """While one batch is under way, the next one gathers, and PACE_S longer when a crowd came for the last one. When
    nothing is under way, and there was no crowd, a call goes at once.

    carry_out: all items in the order given, one answer each; an answer that is an exception is raised to its caller.
    key: of two items with the same key the second goes into a later batch; None for items that never collide.
    """

    def __init__(
        self,
        carry_out: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]],
        *,
        key: Callable[[Item], Hashable] = lambda _: None,
    ) -> None:
        self._carry_out = carry_out
        self._key = key
        self._waiting: list[_Waiting[Item, Answer]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._was_crowded = False

    async def submit(self, item: Item) -> Answer:
        """What is written is durable when it returns. Raises StoreUnavailable: then it is not known whether it is."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append(_Waiting(item, self._key(item), answer))
        if self._flusher is None:
            self._flusher = loop.create_task(self._flush(), name="gathered batch")
        return await answer

    async def _flush(self) -> None:
        try:
            while self._waiting:
                if self._was_crowded and len(self._waiting) < BATCH_MAX:
                    await asyncio.sleep(PACE_S)
                batch = self._next_batch()
                self._was_crowded = len(batch) > CROWD
                await self._write_batch(batch)
        finally:
            self._flusher = None

    def _next_batch(self) -> list[_Waiting[Item, Answer]]:
        batch: list[_Waiting[Item, Answer]] = []
        later: list[_Waiting[Item, Answer]] = []
        keys: set[Hashable] = set()
        for waiting in self._waiting:
            if len(batch) == BATCH_MAX or (waiting.key is not None and waiting.key in keys):
                later.append(waiting)
            else:
                keys.add(waiting.key)
                batch.append(waiting)
        self._waiting = later
        return batch

    async def _write_batch(self, batch: list[_Waiting[Item, Answer]]) -> None:
        try:
            answers = await self._carry_out([waiting.item for waiting in batch])
        except Exception as wrong:  # noqa: BLE001 (whoever waits must be told, whatever it is)
            if is_outage(wrong):
                _fail(batch, unavailable(wrong))
            elif len(batch) == 1:
                _fail(batch, wrong)
            else:
                for waiting in batch:  # one of them breaks a constraint: alone, it fails alone
                    await self._write_batch([waiting])
        else:
            for waiting, answer in zip(batch, answers, strict=True):
                _settle(waiting, answer)


Write: TypeAlias = Callable[[Connection, Sequence[Item]], Awaitable[Sequence[Answer | Exception]]]


class GroupCommit(Gathering[Item, Answer]):
    """write: of one statement, which is a transaction of its own; of several only with is_several."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        write: "Write[Item, Answer]",
        *,
        key: Callable[[Item], Hashable] = lambda _: None,
        is_several: bool = False,
    ) -> None:
        async def carry_out(items: Sequence[Item]) -> Sequence[Answer | Exception]:
            async with pool.acquire() as connection:
                if not is_several:
                    return await write(connection, items)
                async with connection.transaction():
                    return await write(connection, items)

        super().__init__(carry_out, key=key)


class GroupRead(Gathering[Item, Answer]):
    """statement: answers each of several questions; rows in any order.

    parameters: the statement's, of all questions.   pick: one answer for each question, in their order.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        statement: str,
        parameters: Callable[[Sequence[Item]], Sequence[object]],
        pick: Callable[[Sequence[Item], Sequence[asyncpg.Record]], Sequence[Answer]],
    ) -> None:
        async def carry_out(items: Sequence[Item]) -> Sequence[Answer | Exception]:
            return pick(items, await pool.fetch(statement, *parameters(items)))

        super().__init__(carry_out)


def _fail(batch: Sequence[_Waiting[Item, Answer]], error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)


def _settle(waiting: _Waiting[Item, Answer], answer: Answer | Exception) -> None:
    if waiting.answer.done():
        return  # its caller was cancelled meanwhile; what was written stays
    if isinstance(answer, Exception):
        waiting.answer.set_exception(answer)
    else:
        waiting.answer.set_result(answer)
