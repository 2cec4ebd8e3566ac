"""The loops of a process, and how each is called: here when its role is held here, else by the bell."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

from aforo.engine.leases import HeldElsewhere, LeaseKeeper
from aforo.engine.ports import Bell, LeaseLost

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
        self._vacant: dict[str, asyncio.Event] = {}
        self.loops: dict[str, Loop] = {}

    def add(self, name: str, loop: Loop, wake: Callable[[], None]) -> None:
        """Run by one process at a time; while another has it, this one stands by, until it is told that it is gone."""

        async def in_role() -> None:
            while True:
                with suppress(HeldElsewhere, LeaseLost):
                    async with self._keeper.held(f"{_ROLE}{name}"):
                        await loop()
                    return
                vacant = self._vacant.setdefault(f"{_ROLE}{name}", asyncio.Event())
                await vacant.wait()
                vacant.clear()

        self.add_shared(name, in_role, wake)

    def add_shared(self, name: str, loop: Loop, wake: Callable[[], None]) -> None:
        """Run by every process that hosts it."""
        if name in self._hosts:
            self._wakes[name] = wake
            self.loops[name] = loop

    def vacated(self, leases: Iterable[str]) -> None:
        """Names of leases whose holder is gone: whoever stands by for a role among them tries to get it."""
        for lease in leases:
            if lease in self._vacant:
                self._vacant[lease].set()

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
        """Somebody may have rung while this process could not hear, or has died before it rang. And this one may have
        called itself for a role that another process had already taken over.
        """
        for name, wake in self._wakes.items():
            wake()
            if not self.holds(name):
                self._bell.ring(name)
