"""Seals what was written since the last seal, every second while there is something to seal."""

import asyncio
from collections.abc import Callable

from aforo.engine.ports import AuditStore, Clock, StoreUnavailable

EVERY_S = 1.0
HEADS_MAX = 5_000
"""Chains in one seal; more of them take several, one after the other."""


class Sealer:
    """Runs until cancelled. report: told of what keeps it from sealing."""

    def __init__(self, audit: AuditStore, clock: Clock, report: Callable[[str, BaseException], None]) -> None:
        self._audit = audit
        self._clock = clock
        self._report = report

    async def run(self) -> None:
        while True:
            try:
                while await self._audit.seal(self._clock.now(), HEADS_MAX) is not None:
                    pass
            except StoreUnavailable as away:
                self._report("sealer", away)
            await asyncio.sleep(EVERY_S)
