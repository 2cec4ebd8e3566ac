"""Backup, restore and the trial of a backup: which database, with which tools, and what came of it."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aforo.adapters.postgres import point_in_time
from aforo.adapters.postgres.backup import (
    BackupUnusable,
    Manifest,
    found_rows,
    read_manifest,
    restore_backup,
    write_backup,
)
from aforo.adapters.postgres.database import Database
from aforo.adapters.postgres.embedded import EmbeddedPostgres, SocketFolder
from aforo.adapters.postgres.embedded.binaries import Binaries, find_binaries
from aforo.adapters.system_clock import SystemClock
from aforo.app.running_system import running_in
from aforo.app.settings import Settings
from aforo.app.system import database_of, event_loop
from aforo.domain.audit import Finding, TrailCheck
from aforo.domain.identifiers import OrderId
from aforo.engine.ports import AuditStore

PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Trial:
    """What a backup gave when it was restored elsewhere. rows: by table, as told and as found."""

    manifest: Manifest
    rows: dict[str, tuple[int, int]]
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        return not self.findings and all(told == found for told, found in self.rows.values())


def write(file: Path, data: Path, environment: dict[str, str]) -> Manifest:
    """Of a running system or one that stands still. Raises BackupUnusable, EmbeddedPostgresError, OSError."""
    with _database(data) as arguments, event_loop() as loop:
        return loop.run(write_backup(arguments, file, find_binaries(environment), SystemClock().now()))


def restore(file: Path, data: Path, environment: dict[str, str]) -> int:
    """How many orders were open then. Raises BackupUnusable, EmbeddedPostgresError, OSError."""
    read_manifest(file)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _database(data) as arguments, event_loop() as loop:
        return loop.run(restore_backup(arguments, file, find_binaries(environment)))


def write_base(target: Path, data: Path, environment: dict[str, str]) -> None:
    """Raises BackupUnusable, EmbeddedPostgresError, OSError."""
    with _database(data) as arguments:
        point_in_time.write_base(arguments, target, find_binaries(environment))


def follow(target: Path, data: Path, environment: dict[str, str]) -> int:
    """Until it is interrupted. The exit code of the follower. Raises as `write_base`."""
    with _database(data) as arguments:
        follower = point_in_time.follow(arguments, target, find_binaries(environment))
        for asked in (signal.SIGTERM, signal.SIGINT):
            signal.signal(asked, lambda *_: follower.send_signal(signal.SIGINT))
        return follower.wait()


def recover(base: Path, log: Path, data: Path, until: datetime | None) -> int:
    """How many orders were open then. Raises as `write_base`.

    It becomes the system's own when all is done: one that was left half-way would use counters a second time.
    """
    place, unfinished = data / "postgres", data / "postgres.recovering"
    if place.exists():
        raise BackupUnusable(f"{place} holds a database already; restore into an empty data folder")
    shutil.rmtree(unfinished, ignore_errors=True)
    point_in_time.lay_out(base, log, unfinished / "cluster", until)
    with EmbeddedPostgres.start(unfinished) as server, event_loop() as loop:
        open_orders = loop.run(point_in_time.finish(server))
    unfinished.rename(place)
    return open_orders


def try_out(file: Path, environment: dict[str, str]) -> Trial:
    """Restored into a database of its own, which is gone afterwards. Raises as `restore`."""
    manifest, binaries = read_manifest(file), find_binaries(environment)
    with (
        TemporaryDirectory(prefix="aforo-verify-") as folder,
        EmbeddedPostgres.start(Path(folder) / "postgres") as server,
        event_loop() as loop,
    ):
        return loop.run(_try_out(server.connect_arguments(), file, manifest, binaries))


async def _try_out(arguments: dict[str, Any], file: Path, manifest: Manifest, binaries: Binaries) -> Trial:
    await restore_backup(arguments, file, binaries)
    found = await found_rows(arguments)
    names = sorted(set(manifest.rows) | set(found))
    rows = {name: (manifest.rows.get(name, 0), found.get(name, 0)) for name in names}
    database = await Database.open(**arguments)
    try:
        check, findings = await _check(database.audit)
    finally:
        await database.close()
    last = None if check.last_seal is None else (check.last_seal.number, check.last_seal.hash.hex())
    if last != manifest.last_seal:
        findings.append(Finding(0, f"the last seal is {last}, and was {manifest.last_seal}"))
    return Trial(manifest, rows, tuple(findings))


async def _check(audit: AuditStore) -> tuple[TrailCheck, list[Finding]]:
    """Page by page: a trail may be longer than the memory."""
    check, findings = TrailCheck(), list[Finding]()
    while seals := await audit.seals(check.last_seal.number if check.last_seal else 0, PAGE):
        for seal in seals:
            findings += check.seal(seal)
    after = OrderId(0), 0
    while facts := await audit.chained_facts(after, PAGE):
        for one in facts:
            findings += check.fact(one)
        after = facts[-1].order_id, facts[-1].place
    return check, [*findings, *check.end()]


@contextmanager
def _database(data: Path) -> Iterator[dict[str, Any]]:
    """The external server's, or the embedded one's: the one that runs in this data folder, or one started for it."""
    settings = Settings()
    if not settings.database_url.get_secret_value() and running_in(data) is not None:
        with SocketFolder(data / "postgres" / "cluster") as running:
            yield running.connect_arguments()
        return
    with database_of(settings, data) as arguments:
        yield arguments
