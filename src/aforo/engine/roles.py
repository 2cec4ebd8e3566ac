"""The loops of a process, and how each is called: here when its role is held here, else by the bell."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aforo.engine.leases import HeldElsewhere, LeaseKeeper
from aforo.engine.ports import Bell, LeaseLost

STANDBY_S = 2.0
_ROLE = "role "

Loop = Callable[[], Awaitable[None]]


def is_role(name: str) -> bool:
    """Of a lease: it is for a role, not for a lane."""
    return name.startswith(_ROLE)


class Roles:
    """hosts: names of the loops that this process runs.   loops: those, by name; each runs until cancelled."""

    def __init__(self, keeper: LeaseKeeper, bell: Bell, hosts: frozenset[str]) -> None:
        self._keeper = keeper
        self._bell = bell
        self._hosts = hosts
        self._wakes: dict[str, Callable[[], None]] = {}
        self.loops: dict[str, Loop] = {}

    def add(self, name: str, loop: Loop, wake: Callable[[], None]) -> None:
        """Run by one process at a time; while another has it, this one stands by."""

        async def in_role() -> None:
            while True:
                with suppress(HeldElsewhere, LeaseLost):
                    async with self._keeper.held(f"{_ROLE}{name}"):
                        await loop()
                    return
                await asyncio.sleep(STANDBY_S)

        self.add_shared(name, in_role, wake)

    def add_shared(self, name: str, loop: Loop, wake: Callable[[], None]) -> None:
        """Run by every process that hosts it."""
        if name in self._hosts:
            self._wakes[name] = wake
            self.loops[name] = loop

    def holds(self, name: str) -> bool:
        return self._keeper.holds(f"{_ROLE}{name}")

    def call(self, name: str) -> None:
        if self.holds(name):
            self._wakes[name]()
        else:
            self._bell.ring(name)

    def heard(self, subject: str) -> None:
        """Somebody has rung."""
        if subject in self._wakes:
            self._wakes[subject]()

    def call_all(self) -> None:
        """Somebody may have rung while this process could not hear."""
        for wake in self._wakes.values():
            wake()
