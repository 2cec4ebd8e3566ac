"""StatusStore on PostgreSQL."""

from datetime import datetime, timedelta

import asyncpg

from aforo.adapters.postgres.named_sql import load_sql
from aforo.adapters.postgres.outage import tells_outages
from aforo.engine.status import LANES_MAX, Backlog, LaneStatus

SQL = load_sql("status.sql")


class PostgresStatusStore:
    """See `aforo.engine.status.StatusStore`."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @tells_outages
    async def answers(self) -> None:
        await self._pool.execute("SELECT 1")

    @tells_outages
    async def backlog(self, now: datetime, window: timedelta) -> Backlog:
        """What is told is of one moment."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            states = await connection.fetch(SQL["open"])
            totals = await connection.fetchrow(SQL["totals"], now, now - window)
            lanes = await connection.fetch(SQL["lanes"], now, LANES_MAX)
        assert totals is not None, "a row of counts"
        return Backlog(
            at=now,
            window=window,
            open={row["state"]: row["orders"] for row in states},
            lanes=tuple(LaneStatus(row["lane"], row["waiting"], row["due_since"], row["out"]) for row in lanes),
            **totals,
        )
