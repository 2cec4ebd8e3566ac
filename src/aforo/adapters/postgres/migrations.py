"""The schema, step by step: numbered files, each applied once, in one transaction.

Old code and new run side by side while a system is brought up to date, one process after the other. So what only adds
goes first (pre), and what takes away goes when nobody is there who needs it (post).
"""

from collections.abc import Sequence
from functools import cache
from importlib import resources

import asyncpg

_LOCK = 0x61666F72  # "afor": two processes that start at the same time must not both migrate.
LOCK_WAIT_S = 60
_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    name text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


_NEWER = """
SELECT max(name) FROM migrations WHERE name LIKE '%\\_post.sql' AND NOT name = ANY($1::text[])
"""
_OLDEST = """
SELECT min(p.schema) FROM processes p WHERE is_there(p.id)
"""
POST = "_post.sql"


class DatabaseTooNew(Exception):
    """A later version has taken away what this one needs; this one does not start any more."""


@cache
def migration_files() -> tuple[tuple[str, str], ...]:
    """Name and SQL of each, in order. Named NNNN_what_pre.sql, which older code does not mind, or NNNN_what_post.sql,
    which waits until none runs.
    """
    folder = resources.files("aforo.adapters.postgres") / "migrations"
    files = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return tuple(sorted((file.name, file.read_text(encoding="utf-8")) for file in files))


def schema_known() -> str:
    """The last migration that this code knows of."""
    return migration_files()[-1][0]


async def migrate(
    connection: "asyncpg.Connection[asyncpg.Record]",
    files: Sequence[tuple[str, str]] | None = None,
    *,
    keeps_old_schema: bool = False,
) -> None:
    """Bring the database to this version's schema, as far as the processes that are there can bear it.

    Again: no effect. files: None are those of this version.   keeps_old_schema: nothing is taken away. Raises
    DatabaseTooNew.
    """
    files = migration_files() if files is None else files
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'")
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_TABLE)
        newer = await connection.fetchval(_NEWER, [name for name, _ in files])
        if newer is not None:
            raise DatabaseTooNew(f"the database is of a later version of aforo ({newer}): start that version")
        applied = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
        missing = [(name, statements) for name, statements in files if name not in applied]
        for name, statements in missing:
            if not name.endswith(POST):
                await _apply(connection, name, statements)
        oldest = await connection.fetchval(_OLDEST)
        for name, statements in missing:
            if name.endswith(POST) and not keeps_old_schema and (oldest is None or oldest >= name):
                await _apply(connection, name, statements)


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", name: str, statements: str) -> None:
    await connection.execute(statements)
    await connection.execute("INSERT INTO migrations (name) VALUES ($1)", name)
