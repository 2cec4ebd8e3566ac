"""Keys at rest: whoever has the files of the database, and not the key-encryption key, has no key of any device."""

import base64
from pathlib import Path
from typing import Any

import asyncpg
from msgspec.structs import replace

from aforo.adapters.key_vault import FileKeyVault
from aforo.adapters.postgres.database import Database
from aforo.dlms.keys import Key
from aforo.domain.devices import Address, Concentrator, DeviceSecurity, Link
from aforo.domain.identifiers import ConcentratorNumber
from cases import WEDNESDAY, a_meter
from postgres_server import PostgresServer

ENCRYPTION = Key(bytes.fromhex("7b1fd3c8a05e49926cf1e8370d5ab462"))
AUTHENTICATION = Key(bytes.fromhex("e94d06b17c38fa5520bd8f61c6927e13"))
VAULT = FileKeyVault(bytes.fromhex("5c" * 32))


def forms_of(octets: bytes) -> list[bytes]:
    """As raw octets, in hexadecimal digits of either case, and in base64."""
    return [octets, octets.hex().encode(), octets.hex().upper().encode(), base64.b64encode(octets)]


def found_in(text: bytes, octets: bytes) -> bool:
    return any(form in text for form in forms_of(octets))


async def registered(database: Database) -> DeviceSecurity:
    security = DeviceSecurity(b"AFR\0\0\0\0\7", VAULT.wrap(ENCRYPTION), VAULT.wrap(AUTHENTICATION))
    one = Concentrator(number=ConcentratorNumber("C-1"), address=Address("127.0.0.1", 4059), security=security)
    await database.registry.put_concentrators([one], WEDNESDAY)
    meter = replace(a_meter(Link.DIRECT), security=security)
    await database.registry.put_meters([meter], WEDNESDAY)
    return security


async def test_the_files_of_the_database_hold_wrapped_keys_and_no_other(
    postgres_server: PostgresServer, database: Database, fresh_database: dict[str, Any]
) -> None:
    """Pages of every table and index, the write-ahead log, and the server's own log."""
    security = await registered(database)
    connection = await asyncpg.connect(**fresh_database)
    await connection.execute("CHECKPOINT")
    number = await connection.fetchval("SELECT oid FROM pg_database WHERE datname = current_database()")
    await connection.close()

    cluster = postgres_server.embedded.cluster
    pages = read_all(cluster / "base" / str(number))
    log = read_all(cluster / "pg_wal") + b"".join(path.read_bytes() for path in cluster.parent.glob("*.log"))

    assert security.encryption_key in pages, "the search finds what is there"
    assert security.encryption_key in log
    for key in (ENCRYPTION, AUTHENTICATION):
        assert not found_in(pages, key.octets)
        assert not found_in(log, key.octets)


async def test_no_column_of_any_table_holds_a_key(database: Database, fresh_database: dict[str, Any]) -> None:
    """As a dump would tell them."""
    security = await registered(database)
    connection = await asyncpg.connect(**fresh_database)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [row for (table,) in tables for row in await connection.fetch(f'SELECT t::text FROM "{table}" t')]
    await connection.close()

    dump = "\n".join(row[0] for row in rows).encode()

    assert found_in(dump, security.encryption_key), "the search finds what is there"
    assert not found_in(dump, ENCRYPTION.octets)
    assert not found_in(dump, AUTHENTICATION.octets)


def read_all(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
