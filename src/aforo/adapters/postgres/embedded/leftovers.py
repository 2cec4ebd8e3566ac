"""What a killed server leaves behind: processes that are still going, and lock files that name a pid.

A pid proves little: it may be gone, a zombie, or belong to somebody else by now. PostgreSQL's processes all
have the cluster as their current folder, and that can be seen in `/proc`.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from aforo.adapters.postgres.embedded.address import PORT
from aforo.adapters.postgres.embedded.errors import PostgresFailed

POSTMASTER_PID = "postmaster.pid"
LOCK_FILES = (POSTMASTER_PID, f".s.PGSQL.{PORT}.lock")
_PROC = Path("/proc")
_PROGRAMS = ("postgres", "initdb")

# A server whose aforo was killed is gone within milliseconds. A backend whose postmaster was killed notices
# between two rows it sends, so a long query keeps it going: after the first wait it is told to quit, which
# loses nothing.
_WAIT_BEFORE_QUIT_S = 2.0
_WAIT_S_MAX = 15.0
_POLL_S = 0.005


def wait_until_left(cluster: Path) -> None:
    """Wait until no PostgreSQL process lives in `cluster`; after 2 s they are told to quit at once.

    The caller holds the folder's lock, so whatever runs there was left behind. It must be gone before the
    lock files are removed: they are PostgreSQL's own protection against two servers on the same files.
    Raises PostgresFailed after 15 s.
    """
    begun = time.monotonic()
    told: set[int] = set()
    while inhabitants := list(_inhabitants(cluster)):
        waited = time.monotonic() - begun
        if waited > _WAIT_S_MAX:
            raise PostgresFailed(f"PostgreSQL process {inhabitants[0]} still runs in {cluster}, and does not end")
        if waited > _WAIT_BEFORE_QUIT_S:
            for process in set(inhabitants) - told:
                told.add(process)
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGQUIT)
        time.sleep(_POLL_S)


def remove_stale_locks(cluster: Path) -> None:
    """Remove each lock file whose process is not a server of this cluster. Each is judged on its own."""
    for name in LOCK_FILES:
        lock = cluster / name
        try:
            first_line = lock.read_bytes().partition(b"\n")[0]
        except FileNotFoundError:
            continue
        if not _names_a_server_of(cluster, first_line):
            lock.unlink()


def _names_a_server_of(cluster: Path, first_line: bytes) -> bool:
    try:
        process = abs(int(first_line))  # A standalone backend writes its pid negated.
    except ValueError:
        return False  # Cut short when the machine stopped.
    return _lives_in(process, cluster.stat(), if_unreadable=True)


def _inhabitants(cluster: Path) -> Iterator[int]:
    try:
        folder = cluster.stat()
    except FileNotFoundError:
        return
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and _lives_in(int(entry.name), folder, if_unreadable=False):
            yield int(entry.name)


def _lives_in(process: int, folder: os.stat_result, *, if_unreadable: bool) -> bool:
    """if_unreadable: the answer for another account's PostgreSQL, whose folder cannot be seen.

    It is no reason to wait; but where a lock names it, PostgreSQL itself shall judge.
    """
    try:
        told = (_PROC / str(process) / "stat").read_text(encoding="utf-8", errors="replace")
        program, state = told[told.index("(") + 1 : told.rindex(")")], told[told.rindex(")") + 2]
        if program not in _PROGRAMS or state in "ZX":
            return False
        return os.path.samestat((_PROC / str(process) / "cwd").stat(), folder)
    except (FileNotFoundError, ProcessLookupError):
        return False  # It ended meanwhile.
    except PermissionError:
        return if_unreadable
