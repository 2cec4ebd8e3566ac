"""Scenes in virtual time: hours of waiting take no time, and what would wait for ever fails at once."""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from aforo.simulation.virtual_loop import VirtualLoop
from cases import WEDNESDAY


class LoopClock:
    """The Clock of a virtual loop: `start` when the loop begins."""

    def __init__(self, start: datetime = WEDNESDAY) -> None:
        self._start = start

    def now(self) -> datetime:
        return self._start + timedelta(seconds=asyncio.get_running_loop().time())


def seconds_since(start: datetime, moment: datetime) -> int:
    return round((moment - start).total_seconds())


def in_virtual_time(scene: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(lambda *_: None)) as runner:
        runner.run(scene)
