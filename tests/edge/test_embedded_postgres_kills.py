"""The embedded PostgreSQL after violent ends, each of them real: kills of every process, at every stage."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from aforo.adapters.postgres.embedded import EmbeddedPostgres
from edge.embedded_situations import (
    PATIENCE_S,
    a_place,
    ask,
    copy_of_a_stopped_cluster,
    ended,
    holding,
    started,
    status_of,
    until,
)


@pytest.fixture
def place() -> Iterator[Path]:
    with a_place() as folder:
        yield folder


@pytest.fixture
def used(place: Path) -> Path:
    return copy_of_a_stopped_cluster(place / "used")


def test_the_server_ends_with_a_killed_parent_and_starts_again(used: Path) -> None:
    with holding(used) as child:
        postmaster = child.postmaster
        child.kill()
        assert ended(postmaster, within_s=PATIENCE_S)

    with holding(used) as again:
        assert again.facts["visits"] == 2


def test_a_start_right_after_the_kill_waits_for_the_old_server_to_go(used: Path) -> None:
    with holding(used) as child:
        child.kill()

    with holding(used) as again:
        assert again.facts["visits"] == 2


def test_a_killed_postmaster_is_noticed_and_its_folder_starts_again(used: Path) -> None:
    with EmbeddedPostgres.start(used) as server:
        ask(server, "CREATE TABLE kept AS SELECT 1 AS one")
        os.kill(server.process, signal.SIGKILL)
        assert ended(server.process, within_s=PATIENCE_S)
        assert not server.is_running

    with EmbeddedPostgres.start(used) as server:
        assert ask(server, "SELECT one FROM kept") == 1


def test_a_backend_that_outlives_its_postmaster_is_ended_before_a_new_one_starts(used: Path) -> None:
    """Two generations on the same files would destroy them."""

    async def leave_a_busy_backend(server: EmbeddedPostgres) -> int:
        connection = await asyncpg.connect(**server.connect_arguments())
        backend: int = connection.get_server_pid()
        begun = asyncio.Event()
        connection.add_log_listener(lambda *_: begun.set())
        endless = "DO $$ BEGIN RAISE WARNING 'begun'; LOOP END LOOP; END $$"
        busy = asyncio.create_task(connection.execute(endless))
        await begun.wait()
        os.kill(server.process, signal.SIGKILL)
        busy.cancel()
        return backend

    with EmbeddedPostgres.start(used) as server:
        backend = asyncio.run(leave_a_busy_backend(server))
        still_there = not ended(backend, within_s=0)
    with EmbeddedPostgres.start(used) as server:
        assert ask(server, "SELECT 1") == 1

    assert still_there
    assert ended(backend, within_s=0)


@pytest.mark.parametrize(
    "locks", [["postmaster.pid"], [".s.PGSQL.5432.lock"], ["postmaster.pid", ".s.PGSQL.5432.lock"]]
)
@pytest.mark.parametrize("holder", ["alive", "zombie"])
def test_a_lock_that_names_a_recycled_pid_is_stale(used: Path, locks: list[str], holder: str) -> None:
    with holding(used) as child:
        os.kill(child.postmaster, signal.SIGKILL)
        child.kill()
    with other_process(used, holder) as recycled:
        for lock in locks:
            rest = (used / "cluster" / lock).read_text().splitlines()[1:]
            (used / "cluster" / lock).write_text("\n".join([str(recycled), *rest, ""]))

        with holding(used) as again:
            assert again.facts["visits"] == 2


@contextmanager
def other_process(folder: Path, state: str) -> Iterator[int]:
    """A process of the same account as the cluster, which is nobody's server."""
    owner = (folder / "cluster").stat()
    account = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    popen = subprocess.Popen(["sleep", "60"], **account)  # type: ignore[call-overload]
    try:
        if state == "zombie":
            popen.kill()
            until(lambda: status_of(popen.pid)["State"].startswith("Z"))
        yield popen.pid
    finally:
        popen.kill()
        popen.wait()


@pytest.mark.parametrize("lock", ["postmaster.pid", ".s.PGSQL.5432.lock"])
def test_a_lock_cut_short_by_a_power_cut_is_stale(used: Path, lock: str) -> None:
    (used / "cluster" / lock).write_bytes(b"")

    with EmbeddedPostgres.start(used) as server:
        assert server.is_running


def test_a_kill_during_initdb_leaves_nothing_that_looks_like_a_cluster(place: Path) -> None:
    with started(place) as popen:
        until((place / "cluster.new" / "global" / "pg_control").exists)
        popen.kill()
    assert not (place / "cluster").exists()

    with holding(place) as child:
        assert child.facts["visits"] == 1
