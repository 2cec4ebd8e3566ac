"""What the tests of the embedded PostgreSQL share: a process that holds a server, and ways to look at one."""

import asyncio
import atexit
import functools
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import asyncpg

from aforo.adapters.postgres.embedded import EmbeddedPostgres
from aforo.adapters.postgres.embedded.binaries import EXPLICIT, find_binaries

CHILD = Path(__file__).with_name("postgres_child.py")
SOURCES = Path(__file__).parents[2] / "src"
PATIENCE_S = 20.0

_MEMORY = Path("/dev/shm")
_MEMORY_FREE_MIN = 2 * 1024**3  # A container's default is 64 MiB: less than two clusters.
_until_exit = ExitStack()
atexit.register(_until_exit.close)


@contextmanager
def a_place() -> Iterator[Path]:
    """A folder, in memory where there is room; removed at once, for a cluster is 40 MB."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _MEMORY_FREE_MIN
    place = Path(tempfile.mkdtemp(prefix="aforo-tests-", dir=_MEMORY if roomy else None))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)  # A killed server may still be removing its own files.


def copy_of_a_stopped_cluster(folder: Path) -> Path:
    return shutil.copytree(_stopped_cluster(), folder)


def copy_of_the_binaries(folder: Path) -> Path:
    """The folder with `initdb` and `postgres`, in a copy of all that they find by their own place."""
    original = find_binaries(os.environ).folder
    installed = original.parent
    libraries = installed.parent.with_name(f"{installed.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    copy = shutil.copytree(
        installed,
        folder / installed.parent.name / installed.name,
        ignore=shutil.ignore_patterns("include", "*.a"),
    )
    return copy / original.name


@functools.cache
def _stopped_cluster() -> Path:
    """Made once per test process, and removed at its end."""
    place = _until_exit.enter_context(a_place())
    EmbeddedPostgres.start(place).stop()
    return place


class Child:
    """A process that holds a server. facts: what it told about it, or the error."""

    def __init__(self, popen: "subprocess.Popen[str]") -> None:
        self._popen = popen
        self.process = popen.pid
        self.facts: dict[str, Any] = json.loads(_pipe(popen.stdout).readline())

    @property
    def postmaster(self) -> int:
        assert "error" not in self.facts, self.facts
        return int(self.facts["process"])

    def end(self) -> None:
        """Let it stop its server in order."""
        _pipe(self._popen.stdin).close()
        assert self._popen.wait(PATIENCE_S) == 0

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def started(folder: Path, *options: str, binaries: Path | None = None) -> "subprocess.Popen[str]":
    chosen = {} if binaries is None else {EXPLICIT: str(binaries)}
    return subprocess.Popen(
        [sys.executable, CHILD, folder, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCES), **chosen},
    )


@contextmanager
def holding(folder: Path, *options: str, binaries: Path | None = None) -> Iterator[Child]:
    with started(folder, *options, binaries=binaries) as popen:
        try:
            child = Child(popen)
            yield child
            if popen.poll() is None:
                child.end()
        finally:
            popen.kill()


def ended(process: int, *, within_s: float) -> bool:
    """Whether it ends in time; the kernel tells at once, nothing is polled."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], within_s)[0])
    finally:
        os.close(handle)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.001)


def status_of(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def user_namespace(process: int) -> str:
    return str(Path(f"/proc/{process}/ns/user").readlink())


def ask(server: EmbeddedPostgres, question: str) -> Any:
    async def answer() -> Any:
        connection = await asyncpg.connect(**server.connect_arguments())
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    return asyncio.run(answer())
