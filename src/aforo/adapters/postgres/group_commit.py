"""Calls that come at the same time share one transaction: the disk is waited for once for all of them."""

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


@dataclass(slots=True)
class _Waiting(Generic[Item, Answer]):
    item: Item
    key: Hashable
    answer: "asyncio.Future[Answer]"


class GroupCommit(Generic[Item, Answer]):
    """While one transaction is under way, the next batch gathers; when nothing is, the first call goes at once.

    write: all items in the order given, one answer each; an answer that is an exception is raised to its caller.
    key: of two items with the same key the second goes into a later batch; None for items that never collide.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        write: Callable[[Connection, Sequence[Item]], Awaitable[Sequence[Answer | Exception]]],
        *,
        key: Callable[[Item], Hashable] = lambda _: None,
    ) -> None:
        self._pool = pool
        self._write = write
        self._key = key
        self._waiting: list[_Waiting[Item, Answer]] = []
        self._flusher: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Answer:
        """Durable when it returns. Raises StoreUnavailable: then it is not known whether it is."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append(_Waiting(item, self._key(item), answer))
        if self._flusher is None:
            self._flusher = loop.create_task(self._flush(), name="group commit")
        return await answer

    async def _flush(self) -> None:
        try:
            while self._waiting:
                await self._write_batch(self._next_batch())
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
            answers = await self._transaction([waiting.item for waiting in batch])
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

    async def _transaction(self, items: Sequence[Item]) -> Sequence[Answer | Exception]:
        async with self._pool.acquire() as connection, connection.transaction():
            return await self._write(connection, items)


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
