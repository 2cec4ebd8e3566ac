"""SessionLedger on PostgreSQL."""

from collections.abc import Awaitable, Sequence

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
        self._openings: GroupCommit[str, Epoch] = GroupCommit(pool, _open_epochs, key=lambda lane: lane)
        self._reservations: GroupCommit[tuple[str, int], int | None] = GroupCommit(
            pool, _reserve, key=lambda asked: asked[0]
        )

    @tells_outages
    async def open_epoch(self, lane: str) -> Epoch:
        return await self._openings.submit(lane)

    @tells_outages
    async def next_fence(self, lane: str, epoch: Epoch) -> Fence:
        """Not taken in advance: two processes with blocks of their own would give a later command the lower fence."""
        return await self._fences.submit((lane, epoch))

    @tells_outages
    async def reserve_counters(self, device: str, count: int) -> CounterRange | None:
        end = await _guarded(self._reservations.submit((device, count)))
        return None if end is None else CounterRange(end - count, end - 1)

    @tells_outages
    async def raise_counter(self, device: str, expected: int, count: int) -> CounterRange:
        end = await _guarded(self._pool.fetchval(SQL["raise_counter"], device, expected, count))
        assert end is not None, "raising makes the row"
        return CounterRange(end - count, end - 1)

    @tells_outages
    async def counter_on_record(self, device: str) -> int | None:
        value: int | None = await self._pool.fetchval(SQL["counter_on_record"], device)
        return value


async def _guarded(reservation: Awaitable[int | None]) -> int | None:
    try:
        return await reservation
    except asyncpg.CheckViolationError as exhausted:
        raise CountersExhausted(f"no invocation counters are left up to {COUNTER_MAX}: new keys") from exhausted


async def _open_epochs(connection: Connection, lanes: Sequence[str]) -> Sequence[Epoch | Exception]:
    rows = await connection.fetch(SQL["open_epoch"], lanes)
    epochs = {row["lane"]: Epoch(row["epoch"]) for row in rows}
    return [epochs[lane] for lane in lanes]


async def _reserve(connection: Connection, asked: Sequence[tuple[str, int]]) -> Sequence[int | Exception | None]:
    """What follows each reservation; None for a device without counters on record."""
    devices, counts = zip(*asked, strict=True)
    rows = await connection.fetch(SQL["reserve_counters"], devices, counts)
    ends = {row["device"]: row["next"] for row in rows}
    return [ends.get(device) for device in devices]


async def _fences(connection: Connection, items: Sequence[tuple[str, Epoch]]) -> Sequence[Fence | Exception]:
    lanes, epochs = zip(*items, strict=True)
    rows = await connection.fetch(SQL["fences"], lanes, epochs)
    fences = {row["place"]: Fence(row["fence"]) for row in rows}
    return [
        fences.get(place) or LeaseLost(f"a later session of {lane} has begun")
        for place, (lane, _) in enumerate(items, start=1)
    ]
