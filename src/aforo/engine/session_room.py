"""How many sessions there are at the same time, and who leaves when another lane wants in."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class SessionRoom:
    """An async context manager for each session. One that is idle is kept only while nobody waits for its place."""

    def __init__(self, most: int) -> None:
        self._places = asyncio.Semaphore(most)
        self._waiting = 0
        self.is_closed = False
        self._idle: dict[int, asyncio.Event] = {}

    @property
    def is_wanted(self) -> bool:
        """Somebody waits for a place, or it is closed: whoever has nothing to do leaves."""
        return self.is_closed or self._waiting > 0

    def close(self) -> None:
        """For good: what is out is brought to its end, and nothing new is handed out."""
        self.is_closed = True
        for wake in self._idle.values():
            wake.set()

    async def __aenter__(self) -> None:
        self._waiting += 1
        try:
            if self._places.locked():
                self._wake_one()
            await self._places.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._places.release()

    @contextmanager
    def idle(self, wake: asyncio.Event) -> Iterator[None]:
        """While a session has nothing to do. wake: set when its place is wanted; who is idle for longest goes first."""
        self._idle[id(wake)] = wake
        try:
            yield
        finally:
            self._idle.pop(id(wake), None)

    def _wake_one(self) -> None:
        if self._idle:
            self._idle.pop(next(iter(self._idle))).set()
