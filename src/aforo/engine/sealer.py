"""Seals what was written since the last seal, within a second, while there is something to seal."""

import asyncio
from collections.abc import Callable

from aforo.engine.ports import AuditStore, Clock, StoreUnavailable

AFTER_S = 1.0
"""From a fact to its seal; what is written within it is sealed together."""

HEADS_MAX = 5_000
"""Chains in one seal; more of them take several, one after the other."""


class Sealer:
    """Runs until cancelled. wake: facts were written.

    report: told of what keeps it from sealing.
    """

    def __init__(self, audit: AuditStore, clock: Clock, report: Callable[[str, BaseException], None]) -> None:
        self._audit = audit
        self._clock = clock
        self._report = report
        self._look = asyncio.Event()

    def wake(self) -> None:
        self._look.set()

    async def run(self) -> None:
        """Begins with what was written before this process was there."""
        while True:
            self._look.clear()
            try:
                while await self._is_full():
                    pass
            except StoreUnavailable as away:
                self._report("sealer", away)
            else:
                await self._look.wait()
            await asyncio.sleep(AFTER_S)

    async def _is_full(self) -> bool:
        """Seals once. There may be more chains to seal now; what is written meanwhile waits for the next second."""
        seal = await self._audit.seal(self._clock.now(), HEADS_MAX)
        return seal is not None and len(seal.heads) == HEADS_MAX
