"""Fixtures: one PostgreSQL per test process, and in it a database of its own for each test that asks for one.

`postgres_server`   session: the running server; each xdist worker has its own.
`database_schema`   session: the coroutine that makes the schema; override it where there is one.
`fresh_database`    per test: `asyncpg.connect` arguments of a new database with that schema, dropped after.

The schema runs once, in a template; each test's database is a copy of that (20 ms in memory, 70 ms on disk).
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from aforo.adapters.postgres.embedded import EmbeddedPostgres

Schema = Callable[["asyncpg.Connection[asyncpg.Record]"], Awaitable[None]]

_MEMORY = Path("/dev/shm")
_MEMORY_FREE_MIN = 2 * 1024**3  # A container's default is 64 MiB: less than one cluster.


class PostgresServer:
    """The server of this test process, and the databases made in it."""

    def __init__(self, embedded: EmbeddedPostgres) -> None:
        self.embedded = embedded
        self._templates: dict[Schema, str] = {}
        self._made = 0

    def connect_arguments(self, database: str = "postgres") -> dict[str, Any]:
        return self.embedded.connect_arguments(database)

    async def create_database(self, schema: Schema) -> str:
        """The name of a new database that holds `schema`, copied from the template made at its first use."""
        if schema not in self._templates:
            self._templates[schema] = await self._create_template(schema)
        return await self._create("test", template=self._templates[schema])

    async def drop_database(self, name: str) -> None:
        """Connections that a test left open are closed by force."""
        await self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _create_template(self, schema: Schema) -> str:
        name = await self._create("template", template="template1")
        connection = await asyncpg.connect(**self.connect_arguments(name))
        try:
            await schema(connection)
        finally:
            await connection.close()
        return name

    async def _create(self, kind: str, *, template: str) -> str:
        self._made += 1
        name = f"{kind}_{self._made}"
        await self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    async def _administer(self, statement: str) -> None:
        # A connection belongs to one event loop, and each test may have its own.
        connection = await asyncpg.connect(**self.connect_arguments())
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def no_schema(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    """An empty database."""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    place = Path(tempfile.mkdtemp(prefix="aforo-tests-", dir=_roomy_memory()))
    try:
        with EmbeddedPostgres.start(place) as embedded:
            yield PostgresServer(embedded)
    finally:
        shutil.rmtree(place)


@pytest.fixture(scope="session")
def database_schema() -> Schema:
    return no_schema


@pytest.fixture
async def fresh_database(postgres_server: PostgresServer, database_schema: Schema) -> AsyncIterator[dict[str, Any]]:
    name = await postgres_server.create_database(database_schema)
    yield postgres_server.connect_arguments(name)
    await postgres_server.drop_database(name)


def _roomy_memory() -> Path | None:
    if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _MEMORY_FREE_MIN:
        return _MEMORY
    return None
