"""The embedded PostgreSQL: what a start promises, who else may use the folder, and where it may lie."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import uvloop

from aforo.adapters.postgres.embedded import (
    EmbeddedPostgres,
    FolderInUse,
    FolderUnusable,
    PostgresFailed,
    SocketFolder,
    WrongMajorVersion,
)
from edge.embedded_situations import PATIENCE_S, a_place, ask, copy_of_a_stopped_cluster, ended, holding


@pytest.fixture
def place() -> Iterator[Path]:
    with a_place() as folder:
        yield folder


@pytest.fixture
def used(place: Path) -> Path:
    return copy_of_a_stopped_cluster(place / "used")


def test_the_first_start_makes_a_closed_server_and_the_second_finds_what_was_committed(place: Path) -> None:
    folder = place / "not" / "yet"

    with holding(folder) as first:
        visits = [first.facts["visits"]]
        first.end()
    with EmbeddedPostgres.start(folder) as server:
        names = ("listen_addresses", "fsync", "data_checksums")
        settings = {name: ask(server, f"SHOW {name}") for name in names}
        visits.append(ask(server, "SELECT count(*) + 1 FROM visit"))

    assert visits == [1, 2]
    assert settings == {"listen_addresses": "", "fsync": "on", "data_checksums": "on"}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert server.cluster.stat().st_mode & 0o777 == 0o700
    assert "host" not in (server.cluster / "pg_hba.conf").read_text()


def test_a_server_says_its_version_and_what_its_start_took(used: Path) -> None:
    with EmbeddedPostgres.start(used) as server:
        told = ask(server, "SHOW server_version")

        assert server.is_running
    assert server.version == told
    assert 0 < server.started_in_seconds < PATIENCE_S
    assert not server.is_running


def test_stopping_twice_is_stopping_and_nobody_connects_afterwards(used: Path) -> None:
    server = EmbeddedPostgres.start(used)

    server.stop()
    server.stop()

    assert ended(server.process, within_s=0)
    with pytest.raises(ValueError, match="stopped"):
        server.connect_arguments()


def test_uvloop_and_another_process_s_own_handle_reach_the_server(used: Path) -> None:
    async def answer(arguments: dict[str, Any]) -> Any:
        async with asyncpg.create_pool(**arguments, min_size=2, max_size=2) as pool:
            return await pool.fetchval("SELECT 40 + 2")

    with (
        EmbeddedPostgres.start(used) as server,
        SocketFolder(server.cluster) as handle,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        assert runner.run(answer(handle.connect_arguments())) == 42


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(used: Path) -> None:
    with EmbeddedPostgres.start(used) as server:
        assert os.getsid(server.process) != os.getsid(0)


def test_only_the_main_thread_may_start_a_server(used: Path) -> None:
    """The kernel would end the server together with the thread that started it."""
    caught: list[Exception] = []

    def start() -> None:
        try:
            EmbeddedPostgres.start(used)
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    assert "main thread" in str(caught[0])


def test_a_second_aforo_on_the_folder_hears_who_holds_it(used: Path) -> None:
    with EmbeddedPostgres.start(used), holding(used) as second:
        assert second.facts["error"] == FolderInUse.__name__
        assert f"already in use by process {os.getpid()}" in second.facts["text"]


def test_a_failed_start_lets_the_folder_go_and_says_what_postgres_said(used: Path) -> None:
    settings = used / "cluster" / "postgresql.conf"
    settings.write_text(settings.read_text() + "no_such_setting = 1\n")

    for _ in range(2):
        with pytest.raises(PostgresFailed, match="no_such_setting"):
            EmbeddedPostgres.start(used)


def test_a_cluster_of_another_major_version_is_left_alone(used: Path) -> None:
    (used / "cluster" / "PG_VERSION").write_text("14\n")

    with pytest.raises(WrongMajorVersion, match="PostgreSQL 14"):
        EmbeddedPostgres.start(used)


def test_a_cluster_folder_of_somebody_else_s_is_left_alone(place: Path) -> None:
    (place / "cluster").mkdir()

    with pytest.raises(FolderUnusable, match="not a PostgreSQL cluster"):
        EmbeddedPostgres.start(place)


def test_no_link_is_followed_out_of_the_folder(place: Path) -> None:
    """Root may start a server in a folder that another account prepared."""
    victim = place / "victim"
    victim.write_text("precious")
    (place / "folder").mkdir()
    (place / "folder" / "lock").symlink_to(victim)

    with pytest.raises(FolderUnusable):
        EmbeddedPostgres.start(place / "folder")

    assert victim.read_text() == "precious"


@pytest.mark.parametrize(
    "name",
    ["with a space, and a comma", "/".join(["a" * 99] * 4), """ñandú '"`$HOME\\%s:5433\n"""],
    ids=["comma", "long", "odd"],
)
def test_any_path_will_do(place: Path, name: str) -> None:
    with holding(place / name) as child:
        assert child.facts["visits"] == 1


def test_a_path_that_postgres_cannot_hold_is_refused_before_anything_is_made(place: Path) -> None:
    deep = place.joinpath(*["a" * 100] * 9)

    with pytest.raises(FolderUnusable, match="900 bytes"):
        EmbeddedPostgres.start(deep)

    assert not (place / ("a" * 100)).exists()
