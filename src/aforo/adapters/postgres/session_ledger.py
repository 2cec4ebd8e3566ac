"""SessionLedger on PostgreSQL."""

from collections.abc import Sequence

import asyncpg

from aforo.adapters.postgres.group_commit import Connection, GroupCommit
from aforo.adapters.postgres.named_sql import load_sql
from aforo.adapters.postgres.outage import tells_outages
from aforo.dlms.counters import COUNTER_MAX, CounterRange, CountersExhausted
from aforo.domain.identifiers import Epoch, Fence
from aforo.engine.ports import LeaseLost

SQL = load_sql("ledger.sql")


class PostgresSessionLedger:
    """See `aforo.engine.ports.SessionLedger`."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._fences: GroupCommit[tuple[str, Epoch], Fence] = GroupCommit(pool, _fences)

    @tells_outages
    async def open_epoch(self, lane: str) -> Epoch:
        return Epoch(await self._pool.fetchval(SQL["open_epoch"], lane))

    @tells_outages
    async def next_fence(self, lane: str, epoch: Epoch) -> Fence:
        """Not taken in advance: two processes with blocks of their own would give a later command the lower fence."""
        return await self._fences.submit((lane, epoch))

    @tells_outages
    async def reserve_counters(self, device: str, count: int) -> CounterRange | None:
        end = await self._guarded(SQL["reserve_counters"], device, count)
        return None if end is None else CounterRange(end - count, end - 1)

    @tells_outages
    async def raise_counter(self, device: str, expected: int, count: int) -> CounterRange:
        end = await self._guarded(SQL["raise_counter"], device, expected, count)
        assert end is not None, "raising makes the row"
        return CounterRange(end - count, end - 1)

    @tells_outages
    async def counter_on_record(self, device: str) -> int | None:
        value: int | None = await self._pool.fetchval(SQL["counter_on_record"], device)
        return value

    async def _guarded(self, statement: str, *arguments: object) -> int | None:
        try:
            end: int | None = await self._pool.fetchval(statement, *arguments)
        except asyncpg.CheckViolationError as exhausted:
            raise CountersExhausted(f"no invocation counters are left up to {COUNTER_MAX}: new keys") from exhausted
        return end


async def _fences(connection: Connection, items: Sequence[tuple[str, Epoch]]) -> Sequence[Fence | Exception]:
    lanes, epochs = zip(*items, strict=True)
    rows = await connection.fetch(SQL["fences"], lanes, epochs)
    fences = {row["place"]: Fence(row["fence"]) for row in rows}
    return [
        fences.get(place) or LeaseLost(f"a later session of {lane} has begun")
        for place, (lane, _) in enumerate(items, start=1)
    ]
