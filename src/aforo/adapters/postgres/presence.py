"""Leases and the bell on PostgreSQL: what this process holds, and what the others are to look at."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import asyncpg

from aforo.adapters.gathered_rings import GatheredRings
from aforo.adapters.postgres.group_commit import Connection, GroupCommit
from aforo.adapters.postgres.migrations import DatabaseTooNew, schema_known
from aforo.adapters.postgres.named_sql import load_sql
from aforo.adapters.postgres.outage import tells_outages
from aforo.engine.ports import Entropy, Standing, StoreUnavailable

SQL = load_sql("leases.sql")
CHANNEL = "aforo"
JOINED = "joined"


class PostgresPresence:
    """See `aforo.engine.ports.Leases` and `Bell`. One connection of its own says that this process is there: when the
    process dies, the server closes it, and what it held can be taken at once.
    """

    is_shared = True

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", arguments: dict[str, Any], entropy: Entropy) -> None:
        self._pool = pool
        self._arguments = arguments
        self._entropy = entropy
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._process = ""
        self._is_alone = True
        self._listener: Callable[[str], None] = lambda _: None
        self._rings = GatheredRings(self._ring_all)
        self._takings: GroupCommit[str, bool] = GroupCommit(pool, self._take_all)
        self._lettings: GroupCommit[str, None] = GroupCommit(pool, self._let_all_go)

    def listen(self, listener: Callable[[str], None]) -> None:
        self._listener = listener

    @tells_outages
    async def join(self, lease: timedelta) -> None:
        await self._drop()
        connection = await asyncpg.connect(**self._arguments, server_settings={"application_name": "aforo presence"})
        process = self._entropy.octets(16).hex()
        await connection.execute(SQL["forget_the_dead"])
        if await connection.fetchval(SQL["join"], process, lease, schema_known()) is None:
            await connection.close()
            raise DatabaseTooNew("a later version of aforo works on this database now")
        await connection.add_listener(CHANNEL, self._heard)
        self._connection, self._process = connection, process
        await connection.execute(SQL["ring"], [JOINED])

    @tells_outages
    async def renew(self, lease: timedelta) -> Standing | None:
        if self._connection is None or self._connection.is_closed():
            return None
        others = await self._connection.fetchval(SQL["renew"], self._process, lease)
        if others is None:
            return None
        self._is_alone = others == 0
        orphans = await self._connection.fetch(SQL["orphans"], self._process)
        return Standing(others, tuple(row["name"] for row in orphans))

    @tells_outages
    async def take(self, name: str) -> bool:
        if self._connection is None:
            raise StoreUnavailable("this process has not joined the others yet")
        return await self._takings.submit(name)

    async def _take_all(self, connection: Connection, names: Sequence[str]) -> Sequence[bool | Exception]:
        taken = {row["name"] for row in await connection.fetch(SQL["take"], sorted(set(names)), self._process)}
        return [name in taken for name in names]

    async def _let_all_go(self, connection: Connection, names: Sequence[str]) -> Sequence[None]:
        await connection.execute(SQL["let_go"], names, self._process)
        return [None] * len(names)

    @tells_outages
    async def let_go(self, name: str) -> None:
        await self._lettings.submit(name)

    async def leave(self) -> None:
        """What is still held can be taken by others at once. A database that is away finds out by itself."""
        with suppress(StoreUnavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await self._pool.execute(SQL["leave"], self._process)
        await self._drop()

    def ring(self, subject: str) -> None:
        if self._is_alone:
            return
        self._rings.add(subject)

    async def _ring_all(self, subjects: Sequence[str]) -> None:
        """Gathered, since a notification takes a lock of the whole database when it is committed."""
        with suppress(StoreUnavailable):  # the others look again when the database is back
            await self._ring(subjects)

    @tells_outages
    async def _ring(self, subjects: Sequence[str]) -> None:
        await self._pool.execute(SQL["ring"], subjects)

    def _heard(self, connection: object, backend: int, channel: str, payload: object) -> None:  # noqa: ARG002 (asyncpg's)
        connection = self._connection
        if not isinstance(payload, str) or (
            payload == JOINED and connection is not None and backend == connection.get_server_pid()
        ):
            return
        self._is_alone = False  # whoever has just come is to be rung for from now on
        self._listener(payload)

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await connection.close(timeout=2)
