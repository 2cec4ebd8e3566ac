"""initdb: once, whole or not at all; and the settings of a small private server."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from aforo.adapters.postgres.embedded.address import PORT, SUPERUSER
from aforo.adapters.postgres.embedded.binaries import EXPLICIT, Binaries
from aforo.adapters.postgres.embedded.errors import FolderUnusable, WrongMajorVersion
from aforo.adapters.postgres.embedded.folder import Folder
from aforo.adapters.postgres.embedded.identity import Identity, Way

MAX_CONNECTIONS = 60

# Nobody but us passes the 0700 folder, so whoever reaches the socket is trusted; there is no other way in.
_ACCESS = "local all all trust\nlocal replication all trust\n"
_CLOSED = {"listen_addresses": "", "unix_socket_directories": ".", "port": str(PORT)}

_SMALL = {
    "max_connections": str(MAX_CONNECTIONS),
    "shared_buffers": "64MB",  # Of this, an idle server has touched next to nothing: it takes 15 MB in all.
    "huge_pages": "off",
    "max_wal_size": "256MB",
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "max_logical_replication_workers": "0",  # One process less.
    "autovacuum_max_workers": "2",
    "jit": "off",
}
_PLAIN = {
    "fsync": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}


def server_settings(binaries: Binaries) -> dict[str, str]:
    """Every setting we rely on, for the command line: no file in the cluster can contradict it there."""
    by_version = {"io_method": "sync"} if binaries.major >= 18 else {}  # 18's default: three processes more.
    return {**_CLOSED, **_SMALL, **_PLAIN, **by_version}


def require_same_major(cluster: Path, binaries: Binaries) -> None:
    """Raise WrongMajorVersion if another major version wrote `cluster`: its files would not be understood."""
    try:
        written_by = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    except OSError as error:
        raise FolderUnusable(
            f"{cluster} is not a PostgreSQL cluster of ours ({error}); choose another folder"
        ) from error
    if written_by != str(binaries.major):
        raise WrongMajorVersion(
            f"{cluster} was written by PostgreSQL {written_by}, and {binaries.folder} holds "
            f"{binaries.version}. Set {EXPLICIT} to version {written_by} binaries, or choose another folder."
        )


def create_cluster(
    folder: Folder, binaries: Binaries, *, identity: Identity, run: Callable[[list[str], Path], None]
) -> None:
    """Make `folder.cluster`. Killed at any moment, this leaves nothing that looks like a finished cluster.

    run: runs a command in a current folder under the server's identity, to its successful end.
    """
    unfinished = folder.unfinished_cluster
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    give_cluster(unfinished, identity)
    run(_initdb_command(binaries), unfinished)
    write_access(unfinished)
    with (unfinished / "postgresql.conf").open("a", encoding="ascii") as file:
        # For whoever starts a server here by hand: no less closed than ours.
        file.writelines(f"{name} = '{value}'\n" for name, value in _CLOSED.items())
    unfinished.rename(folder.cluster)
    _sync_folder(folder.path)


def write_access(cluster: Path) -> None:
    """Who may come in: also into a cluster that was made when less was allowed, such as base backups."""
    file = cluster / "pg_hba.conf"
    if file.read_text(encoding="ascii", errors="replace") != _ACCESS:
        file.write_text(_ACCESS, encoding="ascii")  # Written over, so that it keeps its owner.


def give_cluster(cluster: Path, identity: Identity) -> None:
    """Give a cluster that root owns to the lowered identity that is to run it; no effect for other ways.

    It may be full: of a time when user namespaces were allowed. Raises FolderUnusable if root may not give.
    """
    if identity.way is not Way.LOWERED or cluster.stat().st_uid == identity.uid:
        return
    try:
        _change_owner(cluster, identity)
    except PermissionError as error:
        raise FolderUnusable(
            f"PostgreSQL does not run as root, and here root may neither make a user namespace nor give "
            f"files away ({error}); run aforo as another account, or use an external server by its URL"
        ) from error


def _change_owner(cluster: Path, identity: Identity) -> None:
    for place, _, files in os.walk(cluster, topdown=False):
        for name in files:
            os.chown(Path(place) / name, identity.uid, identity.gid, follow_symlinks=False)
        os.chown(place, identity.uid, identity.gid)  # The cluster's own folder last: it tells that all is done.


def _initdb_command(binaries: Binaries) -> list[str]:
    # Text sorts by code point whatever the system offers, so that no index depends on its C library.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if binaries.major >= 17 else []
    return [
        str(binaries.initdb),
        *("--pgdata=.", f"--username={SUPERUSER}", "--auth=trust"),
        *("--encoding=UTF8", "--locale=C", *locale, "--data-checksums", "--no-instructions"),
    ]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
