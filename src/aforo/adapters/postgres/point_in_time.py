"""The database as it was at a chosen moment: a base backup, the write-ahead log since, and PostgreSQL's own recovery.

The log is streamed to a folder as it is written (pg_receivewal), so that what was committed is there a moment later.
"""

import asyncio
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from aforo.adapters.postgres.backup import BackupUnusable, count_open_orders, leap_script, run_tool, way_to
from aforo.adapters.postgres.embedded import EmbeddedPostgres
from aforo.adapters.postgres.embedded.binaries import Binaries

SLOT = "aforo_backup"
"""At the server: it keeps what of the log the follower has not got yet, however long that takes."""

_SEGMENT = re.compile(r"[0-9A-F]{24}")
_PARTIAL = ".partial"
_RECOVERY = "aforo_recovery.conf"
_RECOVERED_WAIT_S_MAX = 3_600.0
_POLL_S = 0.1


def write_base(arguments: Mapping[str, Any], folder: Path, binaries: Binaries) -> None:
    """The files of the database, while it runs, into a new folder; and from now on the server keeps its log for the
    follower. Raises BackupUnusable.
    """
    if folder.exists():
        raise BackupUnusable(f"{folder} exists; name another folder")
    run_tool(binaries, "pg_receivewal", ("--create-slot", "--if-not-exists", f"--slot={SLOT}"), arguments)
    words = (f"--pgdata={folder}", "--wal-method=stream", "--checkpoint=fast", "--no-password")
    run_tool(binaries, "pg_basebackup", words, arguments)


def follow(arguments: Mapping[str, Any], folder: Path, binaries: Binaries) -> "subprocess.Popen[bytes]":
    """A process that writes the log into the folder until it is ended, and waits for a server that is away, or for a
    base backup to have made the slot.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    named, environment = way_to(arguments)
    command = [str(binaries.folder / "pg_receivewal"), f"--directory={folder}", f"--slot={SLOT}", "--synchronous"]
    words = [*command, "--no-password", *named]
    return subprocess.Popen(words, env={**os.environ, **environment})  # noqa: S603 (PostgreSQL's own)


def lay_out(base: Path, log: Path, cluster: Path, until: datetime | None) -> None:
    """A cluster that recovers from the base and the log when it is started. until: None is as far as the log goes.

    Raises BackupUnusable.
    """
    if not (base / "backup_label").is_file():
        raise BackupUnusable(f"{base} is no base backup")
    if not log.is_dir():
        raise BackupUnusable(f"{log} is no folder of a write-ahead log")
    cluster.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copytree(base, cluster)
    cluster.chmod(0o700)
    _copy_segments(log, cluster / "pg_wal")
    told = [f"recovery_target_time = '{until.astimezone(UTC).isoformat()}'"] if until is not None else []
    lines = ["restore_command = 'false'", "recovery_target_action = 'promote'", *told]
    (cluster / _RECOVERY).write_text("\n".join(lines) + "\n", encoding="ascii")
    with (cluster / "postgresql.conf").open("a", encoding="ascii") as settings:
        settings.write(f"include_if_exists = '{_RECOVERY}'\n")
    (cluster / "recovery.signal").touch()


def _copy_segments(log: Path, target: Path) -> None:
    """The last one is not whole: what is missing of it has not been written."""
    for file in sorted(log.iterdir()):
        name = file.name.removesuffix(_PARTIAL)
        is_double = file.name.endswith(_PARTIAL) and (log / name).exists()
        if _SEGMENT.fullmatch(name) and not is_double and _written(file) > _written(target / name):
            shutil.copyfile(file, target / name)


def _written(segment: Path) -> int:
    """Octets up to the last that is not zero; the base may hold more of a segment than a follower that ended early."""
    return len(segment.read_bytes().rstrip(b"\0")) if segment.exists() else -1


async def finish(server: EmbeddedPostgres) -> int:
    """Wait until the server has recovered, and let numbers go on far above. How many orders were open then.

    Raises BackupUnusable.
    """
    arguments = server.connect_arguments()
    deadline = time.monotonic() + _RECOVERED_WAIT_S_MAX
    connection = await asyncpg.connect(**arguments)
    try:
        while await connection.fetchval("SELECT pg_is_in_recovery()"):
            if time.monotonic() > deadline:
                raise BackupUnusable(f"PostgreSQL has not recovered within {_RECOVERED_WAIT_S_MAX:.0f} s")
            await asyncio.sleep(_POLL_S)
        await connection.execute(f"BEGIN; SET LOCAL search_path = public; {leap_script()}; COMMIT")
    finally:
        await connection.close()
    (server.cluster / _RECOVERY).unlink()
    return await count_open_orders(arguments)
