"""What can keep the embedded server from running; each text says what to do about it."""

from pathlib import Path


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used."""


class PostgresNotFound(EmbeddedPostgresError):
    """There are no usable PostgreSQL binaries."""


class FolderInUse(EmbeddedPostgresError):
    """Another aforo process holds the folder."""

    def __init__(self, folder: Path, process: int | None) -> None:
        holder = "another process" if process is None else f"process {process}"
        super().__init__(f"{folder} is already in use by {holder}; stop it, or choose another folder")
        self.process = process


class FolderUnusable(EmbeddedPostgresError):
    """The folder cannot hold a cluster: wrong owner, no room for its path, or no `/proc` to reach it by."""


class WrongMajorVersion(EmbeddedPostgresError):
    """The folder was written by another major version of PostgreSQL."""


class PostgresFailed(EmbeddedPostgresError):
    """PostgreSQL ended, or did not get ready in time. The text ends with its own last words."""
