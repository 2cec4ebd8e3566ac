"""How far a concentrator's clock is off: by it the concentrator decides whether an order may still begin."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from aforo.dclink import board_client
from aforo.dlms.events import Request, Response
from aforo.engine.ports import Clock

READING_TRUSTED = timedelta(minutes=10)
END_IS_NEAR = timedelta(minutes=15)
"""Longer than an order waits in a concentrator as a rule: one whose time ends later begins well before that."""

READING_FRESH = timedelta(seconds=2)
"""When an end is near, a clock put back since the reading would let the order begin too late."""

ZERO = timedelta()


class ConcentratorClock:
    """Of one session. ask: one exchange with the concentrator."""

    def __init__(self, clock: Clock, ask: Callable[[Request], Awaitable[Response]]) -> None:
        self._clock = clock
        self._ask = ask
        self._read_at: datetime | None = None
        self.ahead = ZERO
        """As last read; negative: behind. Nothing until it has been read."""

    async def read(self, latest: datetime | None) -> timedelta:
        """How far it is ahead, taken in the middle of the exchange; read anew when the last reading is too old.

        latest: when the first order that it shall decide about must have begun.
        """
        asked_at = self._clock.now()
        is_near = latest is not None and latest - asked_at < END_IS_NEAR
        trusted = READING_FRESH if is_near else READING_TRUSTED
        if self._read_at is None or asked_at - self._read_at >= trusted:
            told = board_client.read_clock(await self._ask(board_client.get_clock()))
            self._read_at = self._clock.now()
            self.ahead = told - (asked_at + (self._read_at - asked_at) / 2)
        return self.ahead
