"""`EmbeddedPostgres`: start, stop."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from aforo.adapters.postgres.embedded import launcher
from aforo.adapters.postgres.embedded.address import DATABASE, SocketFolder
from aforo.adapters.postgres.embedded.binaries import Binaries, find_binaries
from aforo.adapters.postgres.embedded.cluster import (
    create_cluster,
    give_cluster,
    require_same_major,
    server_settings,
    write_access,
)
from aforo.adapters.postgres.embedded.folder import Folder
from aforo.adapters.postgres.embedded.identity import Identity, choose_identity
from aforo.adapters.postgres.embedded.leftovers import POSTMASTER_PID, remove_stale_locks, wait_until_left

# Replaying the write-ahead log after a kill is bounded by max_wal_size; minutes would mean a very slow disk.
_READY_WAIT_S_MAX = 300.0
_INITDB_WAIT_S_MAX = 120.0
_FAST_STOP_WAIT_S_MAX = 60.0
_POLL_S = 0.004
_STATUS_LINE = 7  # Of postmaster.pid, counted from 0; pg_ctl waits for the same word.


class EmbeddedPostgres:
    """A running server. It ends with `stop`, and with this process, however that ends.

    version: as PostgreSQL says it, e.g. "18.4".   process: the postmaster's pid.
    started_in_seconds: from the call of `start` until connections are accepted, initdb included.
    """

    def __init__(
        self,
        *,
        folder: Folder,
        postmaster: subprocess.Popen[bytes],
        binaries: Binaries,
        started_in_seconds: float,
    ) -> None:
        self._folder = folder
        self._postmaster = postmaster
        self._socket_folder = SocketFolder(folder.cluster)
        self.cluster = folder.cluster
        self.process = postmaster.pid
        self.version = binaries.version
        self.started_in_seconds = started_in_seconds

    @classmethod
    def start(cls, folder: Path) -> Self:
        """Start the server of `folder`, made 0700 when absent; return when it accepts connections. Blocks.

        From the main thread only: the kernel ends the server when the *thread* that started it ends.
        Raises EmbeddedPostgresError: PostgresNotFound, FolderInUse, FolderUnusable, WrongMajorVersion,
        PostgresFailed.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("EmbeddedPostgres.start must be called from the main thread: the server ends with it")
        begun = time.monotonic()
        binaries = find_binaries(os.environ)
        with ExitStack() as undo:
            held = undo.enter_context(Folder(folder))
            postmaster = _Start(held, binaries).run()
            undo.callback(_stop, postmaster)
            server = cls(
                folder=held,
                postmaster=postmaster,
                binaries=binaries,
                started_in_seconds=time.monotonic() - begun,
            )
            undo.pop_all()
            return server

    def connect_arguments(self, database: str = DATABASE) -> dict[str, Any]:
        """Keyword arguments for `asyncpg.connect` and `asyncpg.create_pool`, in this process only.

        Another process of this account opens a SocketFolder on `cluster` for itself.
        """
        return self._socket_folder.connect_arguments(database)

    @property
    def is_running(self) -> bool:
        return self._postmaster.poll() is None

    def stop(self) -> None:
        """Fast shutdown: rolls back what is open; all else is on disk when this returns. Again: no effect."""
        _stop(self._postmaster)
        self._socket_folder.close()
        self._folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Start:
    """One start, in a folder that is already ours."""

    def __init__(self, folder: Folder, binaries: Binaries) -> None:
        self._folder = folder
        self._binaries = binaries
        self._identity = choose_identity(folder.cluster, self._may_use)

    def run(self) -> subprocess.Popen[bytes]:
        cluster = self._folder.cluster
        if cluster.exists():
            require_same_major(cluster, self._binaries)
            wait_until_left(cluster)
            remove_stale_locks(cluster)
            give_cluster(cluster, self._identity)
            write_access(cluster)
        else:
            wait_until_left(self._folder.unfinished_cluster)
            create_cluster(self._folder, self._binaries, identity=self._identity, run=self._run_to_end)
        settings = [f"-c{name}={value}" for name, value in server_settings(self._binaries).items()]
        # SIGQUIT when we die: the quickest end. What was committed is in the write-ahead log, and the next
        # start need not wait for a checkpoint that nobody asked for.
        postmaster = self._launch(
            self._identity,
            [str(self._binaries.postgres), "-D.", *settings],
            cwd=cluster,
            death=signal.SIGQUIT,
        )
        try:
            self._wait_until_ready(postmaster)
        except BaseException:  # Ctrl-C too: the folder must not be let go while a server runs in it.
            _stop(postmaster)
            raise
        return postmaster

    def _may_use(self, identity: Identity) -> bool:
        check = [launcher.CHECK, str(self._folder.path), str(self._binaries.postgres)]
        return self._launch(identity, check, cwd=Path("/"), death=signal.SIGKILL).wait() == 0

    def _run_to_end(self, command: list[str], cwd: Path) -> None:
        process = self._launch(self._identity, command, cwd=cwd, death=signal.SIGKILL)
        try:
            status = process.wait(_INITDB_WAIT_S_MAX)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            process.kill()
        if status != 0:
            raise self._folder.failure(f"{Path(command[0]).name} ended with status {status}")

    def _launch(
        self, identity: Identity, command: list[str], *, cwd: Path, death: signal.Signals
    ) -> subprocess.Popen[bytes]:
        """death: the signal the process gets when this one ends."""
        lead = [sys.executable, "-I", "-S", launcher.__file__]
        return subprocess.Popen(  # noqa: S603 - our own launcher, no shell
            [*lead, str(os.getpid()), str(identity), str(int(death)), *command],
            cwd=cwd,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._folder.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us: the server must outlast our own orderly end.
        )

    def _wait_until_ready(self, postmaster: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_WAIT_S_MAX
        while not _is_ready(self._folder.cluster, postmaster.pid):
            status = postmaster.poll()
            if status is not None:
                raise self._folder.failure(f"postgres ended with status {status} before it was ready")
            if time.monotonic() > deadline:
                raise self._folder.failure(f"postgres was not ready within {_READY_WAIT_S_MAX:.0f} s")
            time.sleep(_POLL_S)


def _is_ready(cluster: Path, process: int) -> bool:
    try:
        lines = (cluster / POSTMASTER_PID).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > _STATUS_LINE and lines[0] == str(process) and lines[_STATUS_LINE].strip() == "ready"


def _environment() -> dict[str, str]:
    """Ours, without what would steer PostgreSQL, and with its messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}


def _stop(postmaster: subprocess.Popen[bytes]) -> None:
    """Fast shutdown; an immediate one if that takes too long. Neither loses what was committed."""
    for request, patience in (
        (signal.SIGINT, _FAST_STOP_WAIT_S_MAX),
        (signal.SIGQUIT, 10.0),
        (signal.SIGKILL, None),
    ):
        postmaster.send_signal(request)
        try:
            postmaster.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        return
