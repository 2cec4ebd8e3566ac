"""The head-end's stores as a process sees them: durable, slow, sometimes away, and a point to die at before and after.

Behind them are the in-memory twins, which pass the contract tests of PostgreSQL. What was not committed when a process
dies is gone; what was committed is there, whether the process heard of it or not.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from aforo.engine.ports import StoreUnavailable
from aforo.simulation.mortal_process import MortalProcess

WRITES = frozenset(
    {
        *("new_order_id", "receive", "commit", "resume"),
        *("mark_published", "put_in_inbox", "close_delivery"),
        *("open_epoch", "next_fence", "reserve_counters", "raise_counter"),
        "seal",
        "note_heard",
    }
)
"""Calls that change what is stored."""

COMMIT_S = (0.001, 0.004)
"""A write-ahead log forced to a solid-state disk."""

SLOW_COMMIT_S = (0.5, 8.0)


class Disk:
    """What all stores of the head-end share. Faults, to be set at will.

    is_full: no write is taken.   is_slow.   is_away: nothing can be read or written.   loses_confirmations: a commit
    may be made, and its caller told that the database is away.
    """

    def __init__(self, chance: Random, told: Callable[[str], None]) -> None:
        self.is_full = False
        self.is_slow = False
        self.is_away = False
        self.loses_confirmations = False
        self._chance = chance
        self._told = told

    def check(self, *, writes: bool) -> None:
        """Raises StoreUnavailable."""
        if self.is_away:
            raise StoreUnavailable("the database cannot be reached")
        if writes and self.is_full:
            raise StoreUnavailable("no space left on device")

    async def commit(self) -> None:
        await asyncio.sleep(self._chance.uniform(*(SLOW_COMMIT_S if self.is_slow else COMMIT_S)))

    def check_confirmed(self) -> None:
        """Raises StoreUnavailable: it was committed, and the connection was lost before that was told."""
        if self.loses_confirmations and self._chance.random() < 0.2:
            self._told("a commit is made and not confirmed")
            raise StoreUnavailable("the connection was lost before the commit was confirmed")


def durable(port: Any, process: MortalProcess, disk: Disk) -> Any:
    """The same port for one process: any of the stores of `aforo.engine.memory`, or a twin of one."""
    return _DurablePort(port, process, disk)


class _DurablePort:
    def __init__(self, port: Any, process: MortalProcess, disk: Disk) -> None:
        self._port = port
        self._process = process
        self._disk = disk

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._port, name)
        made = self._written(name, call) if name in WRITES else self._read(call)
        self.__dict__[name] = made
        return made

    def _read(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def read(*arguments: Any, **options: Any) -> Any:
            self._process.reach("read")
            self._disk.check(writes=False)
            await asyncio.sleep(0)
            self._process.reach("read")
            return await call(*arguments, **options)

        return read

    def _written(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        async def write(*arguments: Any, **options: Any) -> Any:
            self._process.reach(f"before {name}")
            self._disk.check(writes=True)
            await self._disk.commit()
            self._process.reach("commit")
            self._disk.check(writes=True)
            written = await call(*arguments, **options)
            self._process.reach(f"after {name}")
            self._disk.check_confirmed()
            return written

        return write
