"""Our folder: the lock that lets one aforo in, the server's log, and the cluster itself.

    FOLDER/           0700, ours
      lock            held while we run; names our process
      server.log      what PostgreSQL says; server.log.1 before that
      cluster/        PostgreSQL's data folder, and its socket
      cluster.new/    the same while initdb is at work; removed when found at a start

A folder that already exists keeps its mode: what is in it is closed by itself.
"""

import fcntl
import os
from pathlib import Path
from typing import BinaryIO, Self

from aforo.adapters.postgres.embedded.errors import FolderInUse, FolderUnusable, PostgresFailed

# PostgreSQL keeps paths in buffers of 1024 bytes, and appends names of its own to the cluster's.
_PATH_BYTES_MAX = 900
_LOG_BYTES_MAX = 4 * 1024 * 1024
_LAST_WORDS_BYTES = 2000


class Folder:
    """Ours alone from construction to `close`, across all processes of this machine.

    Raises FolderInUse, or FolderUnusable when its place does not serve.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        _require_place(self.path)
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _lock(self.path)
            self.log = _open_log(self.path)
        except OSError as error:
            raise FolderUnusable(f"{self.path} is not ours to use ({error}); choose another folder") from error
        self._log_begin = self.log.tell()

    @property
    def cluster(self) -> Path:
        return self.path / "cluster"

    @property
    def unfinished_cluster(self) -> Path:
        return self.path / "cluster.new"

    def failure(self, sentence: str) -> PostgresFailed:
        """The error to raise: `sentence`, and the end of what the log received since we opened it."""
        with (self.path / "server.log").open("rb") as log:
            log.seek(max(self._log_begin, log.seek(0, os.SEEK_END) - _LAST_WORDS_BYTES))
            last_words = log.read().decode(errors="replace").strip()
        return PostgresFailed(f"{sentence}. It said:\n{last_words}" if last_words else sentence)

    def close(self) -> None:
        self.log.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _require_place(path: Path) -> None:
    if not Path("/proc/self/fd").is_dir():
        raise FolderUnusable("the embedded PostgreSQL needs Linux with /proc mounted; or use an external server by URL")
    if len(os.fsencode(path)) > _PATH_BYTES_MAX:
        raise FolderUnusable(f"{path} is longer than the {_PATH_BYTES_MAX} bytes PostgreSQL can take")


def _lock(folder: Path) -> BinaryIO:
    lock = _open_own(folder / "lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read(20)
        lock.close()
        raise FolderInUse(folder, int(holder) if holder.isdigit() else None) from None
    lock.truncate(0)
    lock.write(b"%d" % os.getpid())
    lock.flush()
    return lock


def _open_log(folder: Path) -> BinaryIO:
    path = folder / "server.log"
    if path.exists() and path.stat().st_size > _LOG_BYTES_MAX:
        path.replace(folder / "server.log.1")
    log = _open_own(path)
    log.seek(0, os.SEEK_END)
    return log


def _open_own(path: Path) -> BinaryIO:
    """Open for reading and appending, following no link: root may work in a folder others can write to."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return os.fdopen(handle, "a+b")
