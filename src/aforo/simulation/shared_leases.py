"""Leases and the bell of several processes over one store in memory, by the world's clock."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from aforo.engine.ports import Standing, StoreUnavailable
from aforo.simulation.durable_ports import Disk
from aforo.simulation.mortal_process import MortalProcess

RING_TAKES_S = 0.02


class LeaseTable:
    """What the store keeps of it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._alive_until: dict[int, datetime] = {}
        self._holders: dict[str, int] = {}
        self._processes = 0
        self.listeners: dict[MortalProcess, Callable[[str], None]] = {}

    def join(self, lease: timedelta) -> int:
        self._processes += 1
        self._alive_until[self._processes] = self._now() + lease
        return self._processes

    def leave(self, process: int) -> None:
        self._alive_until.pop(process, None)

    def is_there(self, process: int) -> bool:
        until = self._alive_until.get(process)
        return until is not None and until > self._now()

    def renew(self, process: int, lease: timedelta) -> Standing | None:
        if not self.is_there(process):
            return None
        self._alive_until[process] = self._now() + lease
        others = sum(self.is_there(other) for other in self._alive_until if other != process)
        gone = (name for name, holder in self._holders.items() if holder != process and not self.is_there(holder))
        return Standing(others, tuple(sorted(gone)))

    def take(self, process: int, name: str) -> bool:
        holder = self._holders.get(name, process)
        if not self.is_there(process) or (holder != process and self.is_there(holder)):
            return False
        self._holders[name] = process
        return True

    def let_go(self, process: int, name: str) -> None:
        if self._holders.get(name) == process:
            del self._holders[name]


class ProcessLeases:
    """See `aforo.engine.ports.Leases` and `Bell`: of one process, whose connection falls when it dies."""

    is_shared = True

    def __init__(self, table: LeaseTable, process: MortalProcess, disk: Disk) -> None:
        self._table = table
        self._process = process
        self._disk = disk
        self._id = 0
        process.open(self)

    def process_died(self) -> None:
        self._table.leave(self._id)
        self._table.listeners.pop(self._process, None)

    async def join(self, lease: timedelta) -> None:
        await self._reach(writes=True)
        self._table.leave(self._id)
        self._id = self._table.join(lease)

    async def renew(self, lease: timedelta) -> Standing | None:
        await self._reach(writes=False)
        return self._table.renew(self._id, lease)

    async def take(self, name: str) -> bool:
        await self._reach(writes=True)
        if self._id == 0:
            raise StoreUnavailable("not joined yet")
        return self._table.take(self._id, name)

    async def let_go(self, name: str) -> None:
        await self._reach(writes=True)
        self._table.let_go(self._id, name)

    async def leave(self) -> None:
        self.process_died()

    def listen(self, listener: Callable[[str], None]) -> None:
        self._table.listeners[self._process] = listener

    def ring(self, subject: str) -> None:
        for process, listener in self._table.listeners.items():
            process.start(_hear(listener, subject), f"bell {subject}")

    async def _reach(self, *, writes: bool) -> None:
        self._process.reach("before lease")
        self._disk.check(writes=writes)
        await self._disk.commit()
        self._process.reach("lease")
        self._disk.check(writes=writes)


async def _hear(listener: Callable[[str], None], subject: Any) -> None:
    await asyncio.sleep(RING_TAKES_S)
    listener(subject)
