"""Bringing a system up to date, one process after the other: what takes away waits; who is too old does not start."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from aforo.adapters.postgres.database import Database
from aforo.adapters.postgres.migrations import DatabaseTooNew, migrate, migration_files
from aforo.adapters.system_entropy import SystemEntropy
from aforo.app.commands.start_refusals import words_of

LONG = timedelta(hours=1)
ADDS, TAKES_AWAY = "9001_adds_pre.sql", "9002_takes_away_post.sql"
LATER = [
    *migration_files(),
    (ADDS, "CREATE TABLE added (one integer)"),
    (TAKES_AWAY, "ALTER TABLE meters RENAME TO devices"),
]
"""Of a version to come."""


async def brought_up(arguments: dict[str, Any], *, keeps_old_schema: bool = False) -> list[str]:
    """By the version to come. What has been applied then of what is its own."""
    connection = await asyncpg.connect(**arguments)
    try:
        await migrate(connection, LATER, keeps_old_schema=keeps_old_schema)
        rows = await connection.fetch("SELECT name FROM migrations WHERE name > '9' ORDER BY name")
        return [row["name"] for row in rows]
    finally:
        await connection.close()


async def test_what_takes_away_waits_until_no_older_process_is_there(
    fresh_database: dict[str, Any], database: Database
) -> None:
    older = database.presence(SystemEntropy())
    await older.join(LONG)

    assert await brought_up(fresh_database) == [ADDS]
    assert await database.registry.list_meters(10) == []  # the older one works on

    await older.leave()
    assert await brought_up(fresh_database) == [ADDS, TAKES_AWAY]


async def test_where_nobody_else_is_everything_is_applied_at_once(
    fresh_database: dict[str, Any],
    database: Database,
) -> None:
    assert await brought_up(fresh_database) == [ADDS, TAKES_AWAY]
    assert await brought_up(fresh_database) == [ADDS, TAKES_AWAY]


async def test_where_the_database_does_not_know_who_is_there_nothing_is_taken_away(
    fresh_database: dict[str, Any], database: Database
) -> None:
    assert await brought_up(fresh_database, keeps_old_schema=True) == [ADDS]
    assert await database.registry.list_meters(10) == []
    assert await brought_up(fresh_database) == [ADDS, TAKES_AWAY]


async def test_an_older_version_does_not_start_any_more_and_says_why(
    fresh_database: dict[str, Any], database: Database
) -> None:
    await brought_up(fresh_database)

    with pytest.raises(DatabaseTooNew) as refused:
        await Database.open(**fresh_database)
    assert words_of(refused.value) == (
        f"the database is of a later version of aforo ({TAKES_AWAY}): start that version"
    )
    with pytest.raises(DatabaseTooNew):  # one that has opened it just before, and joins only now
        await database.presence(SystemEntropy()).join(LONG)


async def test_a_later_version_that_only_adds_keeps_nobody_from_starting(
    fresh_database: dict[str, Any], database: Database
) -> None:
    older = database.presence(SystemEntropy())
    await older.join(LONG)
    await brought_up(fresh_database)

    again = await Database.open(**fresh_database)
    joined = again.presence(SystemEntropy())
    await joined.join(LONG)

    assert await joined.take("lane C-1")
    for process in (joined, older):
        await process.leave()
    await again.close()
