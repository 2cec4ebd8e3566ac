"""Leases and the bell of a single process: it holds whatever it asks for, and there is nobody to ring for."""

from collections.abc import Callable
from datetime import timedelta

from aforo.engine.ports import Standing


class SoleProcess:
    """See `aforo.engine.ports.Leases` and `Bell`."""

    is_shared = False

    async def join(self, lease: timedelta) -> None: ...

    async def renew(self, lease: timedelta) -> Standing | None:  # noqa: ARG002 (nobody else could take anything)
        return Standing(0, ())

    async def take(self, name: str) -> bool:  # noqa: ARG002 (whatever it is)
        return True

    async def let_go(self, name: str) -> None: ...

    async def leave(self) -> None: ...

    def ring(self, subject: str) -> None: ...

    def listen(self, listener: Callable[[str], None]) -> None: ...
