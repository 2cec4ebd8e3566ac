"""The Legacy Integration Database: one pool of connections, and the ports that work on it."""

from typing import Any, Self, TypeAlias

import asyncpg
import msgspec.json

from aforo.adapters.postgres.audit_store import PostgresAuditStore
from aforo.adapters.postgres.delivery_store import PostgresDeliveryStore
from aforo.adapters.postgres.device_registry import PostgresDeviceRegistry
from aforo.adapters.postgres.migrations import migrate
from aforo.adapters.postgres.order_store import PostgresOrderStore
from aforo.adapters.postgres.outage import tells_outages
from aforo.adapters.postgres.presence import PostgresPresence
from aforo.adapters.postgres.session_ledger import PostgresSessionLedger
from aforo.adapters.postgres.status_store import PostgresStatusStore
from aforo.adapters.postgres.storable import to_jsonb
from aforo.engine.ports import Entropy

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CONNECTIONS_MAX = 16
COMMAND_WAIT_S = 60.0


class Database:
    """Opened with asyncpg's own arguments; a database that goes away and comes back is connected to again."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", arguments: dict[str, Any]) -> None:
        self._pool = pool
        self._arguments = arguments
        self.orders = PostgresOrderStore(pool)
        self.deliveries = PostgresDeliveryStore(pool)
        self.registry = PostgresDeviceRegistry(pool)
        self.audit = PostgresAuditStore(pool)
        self.ledger = PostgresSessionLedger(pool)
        self.status = PostgresStatusStore(pool)

    @classmethod
    async def open(cls, *, keeps_old_schema: bool = False, **arguments: Any) -> Self:
        """Migrated when it returns. arguments: as `asyncpg.connect` takes them.

        Raises StoreUnavailable, DatabaseTooNew.

        keeps_old_schema: processes may be there that the database knows nothing of; see `migrate`.
        """
        return cls(await _migrated_pool(arguments, keeps_old_schema=keeps_old_schema), arguments)

    def presence(self, entropy: Entropy) -> PostgresPresence:
        """Of this process among all that work on this database."""
        return PostgresPresence(self._pool, self._arguments, entropy)

    async def close(self) -> None:
        await self._pool.close()


@tells_outages
async def _migrated_pool(arguments: dict[str, Any], *, keeps_old_schema: bool) -> "asyncpg.Pool[asyncpg.Record]":
    settings = {"timezone": "UTC", "application_name": "aforo"}
    connection = await asyncpg.connect(**arguments)
    try:
        await migrate(connection, keeps_old_schema=keeps_old_schema)
        if await connection.fetchval("SHOW synchronous_commit") == "off":
            settings["synchronous_commit"] = "on"  # what a call has returned from is kept, whatever the server's wish
    finally:
        await connection.close()
    return await asyncpg.create_pool(
        **arguments,
        min_size=1,
        max_size=CONNECTIONS_MAX,
        init=_prepare,
        reset=_leave_as_it_is,
        command_timeout=COMMAND_WAIT_S,
        server_settings=settings,
    )


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec("jsonb", encoder=to_jsonb, decoder=msgspec.json.decode, schema="pg_catalog")


async def _leave_as_it_is(_: Connection) -> None:
    """Nothing here changes a session, and asyncpg's own reset is one more round trip for every call."""
