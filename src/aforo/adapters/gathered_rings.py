"""Rings of the bell that come close together go out together, each subject once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

REST_S = 0.02


class GatheredRings:
    """send: of several subjects at once. It tells nobody of an outage: the others look again when all is well."""

    def __init__(self, send: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        self._send = send
        self._subjects: set[str] = set()
        self._ringing: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        return self._ringing is None

    def add(self, subject: str) -> None:
        self._subjects.add(subject)
        if self._ringing is None:
            self._ringing = asyncio.get_running_loop().create_task(self._ring_soon(), name="bell")

    async def _ring_soon(self) -> None:
        try:
            await asyncio.sleep(REST_S)
            subjects, self._subjects = sorted(self._subjects), set()
            await self._send(subjects)
        finally:
            self._ringing = None
