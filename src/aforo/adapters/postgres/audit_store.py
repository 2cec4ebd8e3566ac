"""AuditStore on PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from aforo.adapters.postgres.named_sql import load_sql
from aforo.adapters.postgres.outage import tells_outages
from aforo.adapters.postgres.rows import fact_of
from aforo.domain.audit import ChainedFact, Head, Seal, seal_over
from aforo.domain.identifiers import OrderId

SQL = load_sql("audit.sql")


class PostgresAuditStore:
    """See `aforo.engine.ports.AuditStore`."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @tells_outages
    async def seal(self, now: datetime, limit: int) -> Seal | None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["lock"])
            rows = await connection.fetch(SQL["unsealed"], limit)
            if not rows:
                return None
            heads = [Head(OrderId(row["order_id"]), row["length"], row["head"]) for row in rows]
            last = await connection.fetchrow(SQL["last_seal"])
            seal = seal_over(heads, previous=None if last is None else _seal(last, ()), at=now)
            await connection.execute(SQL["put_seal"], seal.number, seal.at, seal.previous, seal.root, seal.hash)
            orders, lengths = [head.order_id for head in heads], [head.length for head in heads]
            await connection.execute(SQL["put_heads"], seal.number, orders, lengths, [head.link for head in heads])
            await connection.execute(SQL["mark_sealed"], orders, lengths)
            return seal

    @tells_outages
    async def chained_facts(self, after: tuple[OrderId, int], limit: int) -> list[ChainedFact]:
        return [_chained(row) for row in await self._pool.fetch(SQL["facts"], *after, limit)]

    @tells_outages
    async def chain(self, order_id: OrderId) -> list[ChainedFact]:
        return [_chained(row) for row in await self._pool.fetch(SQL["facts_of_order"], order_id)]

    @tells_outages
    async def seals(self, after: int, limit: int) -> list[Seal]:
        return await self._with_heads(await self._pool.fetch(SQL["seals"], after, limit))

    @tells_outages
    async def seal_of(self, order_id: OrderId) -> Seal | None:
        number = await self._pool.fetchval(SQL["latest_seal_of"], order_id)
        if number is None:
            return None
        (seal,) = await self._with_heads(await self._pool.fetch(SQL["seal"], number))
        return seal

    async def _with_heads(self, rows: Sequence[asyncpg.Record]) -> list[Seal]:
        heads: dict[int, list[Head]] = {row["number"]: [] for row in rows}
        for row in await self._pool.fetch(SQL["heads"], list(heads)):
            heads[row["seal"]].append(Head(OrderId(row["order_id"]), row["length"], row["link"]))
        return [_seal(row, tuple(heads[row["number"]])) for row in rows]


def _seal(row: asyncpg.Record, heads: tuple[Head, ...]) -> Seal:
    return Seal(row["number"], row["at"], row["previous"], row["root"], row["hash"], heads)


def _chained(row: asyncpg.Record) -> ChainedFact:
    return ChainedFact(OrderId(row["order_id"]), row["place"] or 0, fact_of(row), row["link"] or b"")
