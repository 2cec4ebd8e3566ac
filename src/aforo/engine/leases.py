"""What only one process does at a time: a lane's session, a role. Held under a lease that is renewed meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from aforo.engine.ports import LeaseLost, Leases, StoreUnavailable

LEASE = timedelta(seconds=6)
RENEWALS = 3
"""In the time of one lease."""

"""Who has not renewed for so long, by the store's clock, has lost everything: so long others wait for it."""


LOOKS_AFTER_JOINING = 3
"""One at each of the first renewals: a process that has not renewed since may take itself for alone, and not ring."""


class HeldElsewhere(Exception):
    """Another process holds it."""


class LeaseKeeper:
    """run: one of the loops that must run. Where there is one process only, it holds everything, and nothing ticks.

    on_orphans: told of names whose holder is gone.   on_joined: told whenever others may have rung unheard, or died
    before they rang.
    """

    def __init__(
        self, leases: Leases, report: Callable[[str, BaseException], None], *, lease: timedelta = LEASE
    ) -> None:
        self._leases = leases
        self._lease = lease
        self._report = report
        self._holders: dict[str, asyncio.Task[object]] = {}
        self._lost: set[str] = set()
        self._renewed_at = 0.0
        self._renewals = 0
        self._others = 0
        self.on_orphans: Callable[[Sequence[str]], None] = lambda _: None
        self.on_joined: Callable[[], None] = lambda: None

    def holds(self, name: str) -> bool:
        return name in self._holders

    async def run(self) -> None:
        if not self._leases.is_shared:
            await asyncio.Event().wait()
        while True:
            try:
                await self._renew()
            except StoreUnavailable as away:
                self._report("leases", away)
                if asyncio.get_running_loop().time() - self._renewed_at > self._lease.total_seconds():
                    self._lose_everything()
            await asyncio.sleep(self._lease.total_seconds() / RENEWALS)

    async def _renew(self) -> None:
        standing = await self._leases.renew(self._lease)
        if standing is None:
            self._lose_everything()
            await self._leases.join(self._lease)
            standing = await self._leases.renew(self._lease)
            self._renewals = 0
        self._renewals += 1
        self._renewed_at = asyncio.get_running_loop().time()
        before, self._others = self._others, 0 if standing is None else standing.others
        if self._renewals <= LOOKS_AFTER_JOINING or self._others < before:
            self.on_joined()
        if standing is not None and standing.orphans:
            self.on_orphans(standing.orphans)

    @asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[None]:
        """Raises HeldElsewhere, StoreUnavailable; and LeaseLost out of the middle of what is done inside."""
        task = asyncio.current_task()
        assert task is not None, "a lease is held by a task"
        if name in self._holders or not await self._leases.take(name):
            raise HeldElsewhere(name)
        self._holders[name] = task
        try:
            yield
        except asyncio.CancelledError:
            if name in self._lost and task.uncancel() == 0:
                raise LeaseLost(name) from None
            raise  # this process ends: it leaves, and others find at once what it held
        except BaseException:
            await self._let_go(name)
            raise
        else:
            await self._let_go(name)
        finally:
            self._lost.discard(name)
            self._holders.pop(name, None)

    async def _let_go(self, name: str) -> None:
        try:
            await self._leases.let_go(name)
        except StoreUnavailable as away:
            self._report("leases", away)

    def _lose_everything(self) -> None:
        for name, task in self._holders.items():
            if name not in self._lost:
                self._lost.add(name)
                task.cancel()
