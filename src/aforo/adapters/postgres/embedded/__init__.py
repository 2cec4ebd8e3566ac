"""A real PostgreSQL that lives and dies with this process: no service, no port, no account, no set-up.

    with EmbeddedPostgres.start(Path("data/postgres")) as server:
        connection = await asyncpg.connect(**server.connect_arguments())

| module       | idea                                                                     |
|--------------|--------------------------------------------------------------------------|
| `binaries`   | where `initdb` and `postgres` come from                                  |
| `identity`   | the account they run under: PostgreSQL refuses root, initdb the nameless |
| `launcher`   | the program that becomes that account, then becomes PostgreSQL           |
| `folder`     | our folder: its lock (one aforo each), its log, the cluster in it        |
| `leftovers`  | what a killed server leaves behind, and what of it is stale              |
| `cluster`    | initdb, once, whole or not at all; the settings                          |
| `address`    | how clients reach the socket, whatever the path looks like               |
| `server`     | `EmbeddedPostgres`: start, stop                                          |
"""

from aforo.adapters.postgres.embedded.address import SocketFolder
from aforo.adapters.postgres.embedded.errors import (
    EmbeddedPostgresError,
    FolderInUse,
    FolderUnusable,
    PostgresFailed,
    PostgresNotFound,
    WrongMajorVersion,
)
from aforo.adapters.postgres.embedded.server import EmbeddedPostgres

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "FolderInUse",
    "FolderUnusable",
    "PostgresFailed",
    "PostgresNotFound",
    "SocketFolder",
    "WrongMajorVersion",
]
