"""A Unix socket between one worker and the database, which can be shut, or swallow everything that passes."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

PORT = 5432
_SOCKET = f".s.PGSQL.{PORT}"
_AT_A_TIME = 65_536


class Gate:
    """target: the folder of the database's socket, asked at every connection: it changes when the server does."""

    def __init__(self, target: Callable[[], str]) -> None:
        self._target = target
        self._folder = tempfile.TemporaryDirectory(prefix="gate-")
        self._flows = asyncio.Event()
        self._flows.set()
        self._is_shut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def url(self, database: str, user: str) -> str:
        query = urlencode({"host": self._folder.name, "port": PORT, "user": user})
        return f"postgresql:///{database}?{query}"

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(Path(self._folder.name) / _SOCKET))

    async def close(self) -> None:
        self.shut()
        if self._server is not None:
            self._server.close()
        self._folder.cleanup()

    def shut(self) -> None:
        """Every connection is reset, and no other is taken."""
        self._is_shut = True
        for writer in list(self._open):
            writer.transport.abort()

    def swallow(self) -> None:
        """Nothing passes, and nobody is told."""
        self._flows.clear()

    def mend(self) -> None:
        self._is_shut = False
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_shut:
            writer.transport.abort()
            return
        try:
            beyond, towards = await asyncio.open_unix_connection(Path(self._target()) / _SOCKET)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, towards}
        try:
            await asyncio.gather(self._pump(reader, towards), self._pump(beyond, writer))
        finally:
            self._open -= {writer, towards}

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while octets := await source.read(_AT_A_TIME):
                await self._flows.wait()
                target.write(octets)
                await target.drain()
        except (ConnectionError, OSError):
            return
        finally:
            target.transport.abort()
