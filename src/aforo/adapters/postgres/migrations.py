"""The schema, step by step: numbered files, each applied once, in order, in one transaction."""

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


def migration_files() -> list[tuple[str, str]]:
    """Name and SQL of each, in order. Named NNNN_what_pre.sql, or _post.sql for what waits until no old code runs."""
    folder = resources.files("aforo.adapters.postgres") / "migrations"
    files = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((file.name, file.read_text(encoding="utf-8")) for file in files)


async def migrate(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Bring the database to this version's schema. Again: no effect."""
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'")
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_TABLE)
        applied = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
        for name, statements in migration_files():
            if name not in applied:
                await connection.execute(statements)
                await connection.execute("INSERT INTO migrations (name) VALUES ($1)", name)
