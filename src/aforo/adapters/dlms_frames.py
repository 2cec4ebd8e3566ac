"""What comes from a line, whatever its framing: an APDU, from whom and for whom; and where it waits to be taken."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Generic, TypeVar

from msgspec import Struct

from aforo.dlms import gateway
from aforo.engine.ports import LineSilent, LineUnavailable

ARRIVALS_MAX = 1024
"""Received and not yet taken; a peer that floods us beyond this loses its connection."""

T = TypeVar("T")


class DlmsFrame(Struct, frozen=True):
    """See `aforo.engine.ports.Frame`."""

    client_sap: int
    server_sap: int
    meter: str
    apdu: bytes


def dlms_frame(client_sap: int, server_sap: int, octets: bytes) -> DlmsFrame:
    """Of what a server sent: with or without the prefix of a gateway."""
    prefix, apdu = gateway.take(octets)
    meter = ""
    if prefix is not None:
        with suppress(UnicodeDecodeError):  # then it is nobody we asked, and the frame is dropped for that
            meter = prefix.address.decode("ascii")
        meter = meter or "?"
    return DlmsFrame(client_sap, server_sap, meter, apdu)


class Arrivals(Generic[T]):
    """What came, in order, and behind it why nothing more will. failure: the first one, None while the line stands."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self._waiting: deque[T] = deque()
        self._arrived = asyncio.Event()

    def put(self, arrival: T) -> None:
        """One too many is a failure."""
        if len(self._waiting) < ARRIVALS_MAX:
            self._waiting.append(arrival)
            self._arrived.set()
        else:
            self.fail(LineUnavailable("the device sent far more than it was asked for"))

    def fail(self, failure: Exception) -> None:
        self.failure = self.failure or failure
        self._arrived.set()

    def clear(self) -> None:
        self._waiting.clear()

    async def take(self, wait_s: float) -> T:
        """The next one. Raises LineSilent, or the failure once everything before it was taken."""
        if not self._waiting and self.failure is None:
            self._arrived.clear()
            try:
                async with asyncio.timeout(max(0.0, wait_s)):
                    await self._arrived.wait()
            except TimeoutError:
                raise LineSilent(f"nothing within {wait_s:.1f} s") from None
        if self._waiting:
            return self._waiting.popleft()
        assert self.failure is not None, "woken by an arrival or by the end"
        raise self.failure
