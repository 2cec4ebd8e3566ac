"""Backups of the database: one file with a dump and a list of what is in it, both of one moment, taken while it runs.

The dump is PostgreSQL's own. Keys of devices are in it as they are stored, wrapped; the key-encryption key is not.
"""

import asyncio
import json
import os
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from aforo.adapters.postgres.embedded.address import for_others
from aforo.adapters.postgres.embedded.binaries import Binaries
from aforo.adapters.postgres.named_sql import load_sql

SQL = load_sql("backup.sql")
COUNTERS_LEAP = 1_000_000
"""Invocation counters that may have been used towards one device since the backup: some years of daily orders."""

NUMBERS_LEAP = 1_000_000_000
"""The same of fences, epochs and ids of orders, which have room for it."""

_DUMP, _MANIFEST = "database.dump", "manifest.json"
_MANIFEST_OCTETS_MAX = 1024 * 1024


class BackupUnusable(Exception):
    """The file is no backup of ours, or PostgreSQL's tools refuse. The text says which."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """rows: by table.   last_seal: number and hash, None before the first.   made_at: when the snapshot was taken."""

    made_at: str
    rows: Mapping[str, int]
    last_seal: tuple[int, str] | None

    def document(self) -> dict[str, Any]:
        return {"format": "aforo backup 1", "made_at": self.made_at, "rows": self.rows, "last_seal": self.last_seal}


async def write_backup(arguments: Mapping[str, Any], file: Path, binaries: Binaries, now: datetime) -> Manifest:
    """A new file, readable by its owner only; whole or not there at all. Raises BackupUnusable, OSError."""
    connection = await asyncpg.connect(**arguments)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            manifest = await _manifest(connection, now)
            with TemporaryDirectory(dir=file.parent, prefix=".aforo-backup-") as folder:
                dump = Path(folder) / _DUMP
                words = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={dump}")
                await asyncio.to_thread(run_tool, binaries, "pg_dump", words, arguments)
                written = Path(folder) / "whole"
                _pack(written, dump, manifest)
                written.replace(file)
    finally:
        await connection.close()
    return manifest


def read_manifest(file: Path) -> Manifest:
    """Raises BackupUnusable, OSError."""
    try:
        with zipfile.ZipFile(file) as archive:
            info = archive.getinfo(_MANIFEST)
            if info.file_size > _MANIFEST_OCTETS_MAX:
                raise BackupUnusable(f"{file} is no backup of aforo's: its manifest is too large")
            document = json.loads(archive.read(info))
        seal = document["last_seal"]
        return Manifest(document["made_at"], document["rows"], None if seal is None else (seal[0], seal[1]))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, IndexError) as wrong:
        raise BackupUnusable(f"{file} is no backup of aforo's: {wrong}") from wrong


async def restore_backup(arguments: Mapping[str, Any], file: Path, binaries: Binaries) -> int:
    """Into an empty database, in one transaction. How many orders were open then. file: accepted by `read_manifest`.

    Numbers that must not be used twice go on far above those of the backup. Raises BackupUnusable, OSError.
    """
    await _check_empty(arguments)
    with TemporaryDirectory(prefix="aforo-restore-") as name:
        folder = Path(name)
        with zipfile.ZipFile(file) as archive:
            archive.extract(_DUMP, folder)
        script, leap = folder / "restore.sql", folder / "leap.sql"
        words = ("--no-owner", "--no-privileges", f"--file={script}", str(folder / _DUMP))
        await asyncio.to_thread(run_tool, binaries, "pg_restore", words, {})
        leap.write_text(f"SET search_path = public;\n{leap_script()}\n", encoding="utf-8")
        quietly = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null")
        await asyncio.to_thread(run_tool, binaries, "psql", (*quietly, f"--file={script}", f"--file={leap}"), arguments)
    return await count_open_orders(arguments)


async def count_open_orders(arguments: Mapping[str, Any]) -> int:
    connection = await asyncpg.connect(**arguments)
    try:
        open_orders: int = await connection.fetchval(SQL["open_orders"])
    finally:
        await connection.close()
    return open_orders


def leap_script() -> str:
    """SQL by which numbers that must not be used twice go on far above those of a database that was brought back."""
    return SQL["leap"].format(counters=COUNTERS_LEAP, numbers=NUMBERS_LEAP)


async def found_rows(arguments: Mapping[str, Any]) -> dict[str, int]:
    """What a database holds, by table."""
    connection = await asyncpg.connect(**arguments)
    try:
        return await _rows(connection)
    finally:
        await connection.close()


async def _manifest(connection: "asyncpg.Connection[asyncpg.Record]", now: datetime) -> Manifest:
    rows = await _rows(connection)
    if "seals" not in rows:
        raise BackupUnusable("the database holds nothing of aforo's")
    seal = await connection.fetchrow(SQL["last_seal"])
    return Manifest(now.isoformat(), rows, None if seal is None else (seal["number"], seal["hash"]))


async def _rows(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, int]:
    names = [row["name"] for row in await connection.fetch(SQL["tables"])]
    return {name: await connection.fetchval(f'SELECT count(*) FROM public."{name}"') for name in names}  # noqa: S608 (names of the catalogue's own)


async def _check_empty(arguments: Mapping[str, Any]) -> None:
    if await found_rows(arguments):
        raise BackupUnusable("the database is not empty; restore into an empty one, and nothing of it is lost")


def _pack(written: Path, dump: Path, manifest: Manifest) -> None:
    handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            archive.writestr(_MANIFEST, json.dumps(manifest.document(), indent=2))
            archive.write(dump, _DUMP)
        out.flush()
        os.fsync(out.fileno())


def run_tool(binaries: Binaries, program: str, words: Sequence[str], arguments: Mapping[str, Any]) -> None:
    """Raises BackupUnusable with the program's own last words."""
    named, environment = way_to(arguments)
    command = [str(binaries.folder / program), *words, *named]
    try:
        ended = subprocess.run(  # noqa: S603 - PostgreSQL's own tools
            command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )
    except OSError as wrong:
        raise BackupUnusable(f"{program} of PostgreSQL {binaries.version} does not run: {wrong.strerror}") from wrong
    if ended.returncode != 0:
        raise BackupUnusable(f"{program}: {ended.stderr.strip()[-1000:]}")


def way_to(arguments: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Words and environment by which a child process reaches the database: a password never stands among the words."""
    if not arguments:
        return [], {}
    if "dsn" in arguments:
        parts = urlsplit(arguments["dsn"])
        place = parts.netloc
        if parts.password is not None:
            place = place.replace(f":{parts.netloc.rpartition('@')[0].partition(':')[2]}@", "@", 1)
        bare = urlunsplit(parts._replace(netloc=place, scheme="postgresql"))
        return [f"--dbname={bare}"], {} if parts.password is None else {"PGPASSWORD": unquote(parts.password)}
    named = (
        f"--host={for_others(arguments['host'])}",
        f"--port={arguments['port']}",
        f"--username={arguments['user']}",
    )
    return [*named, f"--dbname=dbname={arguments['database']}"], {}  # as pg_receivewal wants it
