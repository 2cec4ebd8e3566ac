"""The head-end's processes of a run: started, killed at any point, frozen, and started again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from random import Random

from aforo.simulation.headend_process import HeadEndProcess
from aforo.simulation.virtual_loop import VirtualLoop

Make = Callable[[Callable[[str], bool]], HeadEndProcess]
Later = Callable[[float, Callable[[], Awaitable[None]]], None]
_DECISIVE = frozenset(
    f"{when} {what}" for when in ("before", "after") for what in ("open_epoch", "next_fence", "commit")
)
"""Points, by their names."""


class HeadEnds:
    """deaths: at the so-and-so-many-th point at which one may die, for how many seconds.   points: reached so far.
    freezes, decisions: the same of points at which it has decided, and the world does not know yet, or knows already.

    tell: told of what happens.   later: begins something of the world's own.
    """

    def __init__(
        self, count: int, loop: VirtualLoop, *, chance: Random, tell: Callable[[str], None], later: Later
    ) -> None:
        self._loop = loop
        self._chance = chance
        self._tell = tell
        self._later = later
        self._running: list[HeadEndProcess | None] = [None] * count
        self.deaths: dict[int, float] = {}
        self.points = 0
        self.freezes: dict[int, float] = {}
        self.decisions = 0
        self.crashes = 0
        self.make: Make

    def start_all(self, make: Make) -> None:
        """make: a process, given whom to ask at every point at which it may die."""
        self.make = make
        for place in range(len(self._running)):
            self._start(place)

    def some(self) -> HeadEndProcess | None:
        """None: the one that was chosen is down."""
        return self._running[self._choose()]

    async def kill(self, down_s: float) -> None:
        place = self._choose()
        headend = self._running[place]
        if headend is not None:
            self._died(place)
            self._loop.thaw(headend.process)
            headend.process.kill()
            await self._start_again(place, down_s)

    def freeze(self, lasts_s: float) -> None:
        """As a machine that is suspended, or a process that is stopped: it goes on as if nothing had been."""
        place = self._choose()
        headend = self._running[place]
        if headend is not None:
            self._freeze(place, headend, lasts_s)

    def _freeze(self, place: int, headend: HeadEndProcess, lasts_s: float) -> None:
        async def go_on() -> None:
            self._tell(f"{self._name(place)} goes on")
            self._loop.thaw(headend.process)

        if headend.process not in self._loop.frozen:
            self._tell(f"{self._name(place)} is frozen")
            self._loop.freeze(headend.process)
            self._later(lasts_s, go_on)

    def end(self) -> None:
        for headend in self._alive():
            self._loop.thaw(headend.process)
            headend.process.kill()

    def _alive(self) -> Iterator[HeadEndProcess]:
        return (headend for headend in self._running if headend is not None)

    def _choose(self) -> int:
        return self._chance.randrange(len(self._running)) if len(self._running) > 1 else 0

    def _name(self, place: int) -> str:
        return "head-end" if len(self._running) == 1 else f"head-end {place + 1}"

    def _start(self, place: int) -> None:
        self._tell(f"{self._name(place)} starts")
        self._running[place] = self.make(partial(self._may_die_at, place))

    def _may_die_at(self, place: int, point: str) -> bool:
        self.points += 1
        if point in _DECISIVE:
            self._may_freeze_at(place, point)
        down_s = self.deaths.pop(self.points, None)
        if down_s is None:
            return False
        self._tell(f"{self._name(place)} dies at point {self.points}, {point}")
        self._died(place)
        self._later(0.0, partial(self._start_again, place, down_s))
        return True

    def _may_freeze_at(self, place: int, point: str) -> None:
        self.decisions += 1
        lasts_s = self.freezes.pop(self.decisions, None)
        headend = self._running[place]
        if lasts_s is not None and headend is not None:
            self._tell(f"{self._name(place)} stands still at decision {self.decisions}, {point}")
            self._freeze(place, headend, lasts_s)

    def _died(self, place: int) -> None:
        self.crashes += 1
        self._tell(f"{self._name(place)} is dead")

    async def _start_again(self, place: int, down_s: float) -> None:
        dead, self._running[place] = self._running[place], None
        await asyncio.sleep(down_s)
        if self._running[place] is None or self._running[place] is dead:
            self._start(place)
