"""How clients reach the server's Unix socket, whatever the path to it looks like."""

import os
from pathlib import Path
from typing import Any, Self

PORT = 5432  # Only the socket file's name: `.s.PGSQL.5432`. No TCP port is opened.
SUPERUSER = "aforo"
DATABASE = "postgres"


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
