"""How clients reach the server's Unix socket, whatever the path to it looks like."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

PORT = 5432  # Only the socket file's name: `.s.PGSQL.5432`. No TCP port is opened.
SUPERUSER = "aforo"
DATABASE = "postgres"


def for_others(host: str) -> str:
    """The same way to the socket, for children and other processes of this account, while this one lives."""
    return host.replace("/proc/self/", f"/proc/{os.getpid()}/")


def url_for_others(arguments: Mapping[str, Any]) -> str:
    """arguments: of `connect_arguments`."""
    query = {"host": for_others(arguments["host"]), "port": arguments["port"], "user": arguments["user"]}
    return f"postgresql:///{arguments['database']}?{urlencode(query)}"


class SocketFolder:
    """An open handle on a data folder. Connect while it is open; connections made outlive it.

    The address of a Unix socket holds 107 bytes, and clients split host lists at commas. `/proc/self/fd/N` is
    short and plain, and leads to the folder behind the handle.
    """

    def __init__(self, cluster: Path) -> None:
        self._handle: int | None = os.open(cluster, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def connect_arguments(self, database: str = DATABASE) -> dict[str, Any]:
        """Keyword arguments for `asyncpg.connect` and `asyncpg.create_pool`, in this process only."""
        if self._handle is None:
            raise ValueError("the server was stopped")
        return {
            "host": f"/proc/self/fd/{self._handle}",
            "port": PORT,
            "user": SUPERUSER,
            "database": database,
            # Unused, but given, lest asyncpg looks for them in the environment and in the user's home.
            "password": "",
            "ssl": False,
        }

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
