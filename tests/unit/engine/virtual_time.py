"""An event loop whose time leaps to the next timer: hours of waiting take no time, and always the same course.

What would wait for ever fails at once.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from cases import WEDNESDAY


class NothingWillHappen(AssertionError):
    """Everybody waits, and no timer is set: in real time, for ever."""


class _LeapingSelector(selectors.DefaultSelector):
    """Instead of waiting, it tells how long would have been waited."""

    def __init__(self, leap: Callable[[float], None]) -> None:
        super().__init__()
        self._leap = leap

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingWillHappen
        self._leap(max(0.0, timeout))
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual_s = 0.0
        super().__init__(_LeapingSelector(self._leap))

    def time(self) -> float:
        return self._virtual_s

    def _leap(self, seconds: float) -> None:
        self._virtual_s += seconds


class LoopClock:
    """The Clock of a virtual loop: `start` when the loop begins."""

    def __init__(self, start: datetime = WEDNESDAY) -> None:
        self._start = start

    def now(self) -> datetime:
        return self._start + timedelta(seconds=asyncio.get_running_loop().time())


def seconds_since(start: datetime, moment: datetime) -> int:
    return round((moment - start).total_seconds())


def in_virtual_time(scene: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(scene)
