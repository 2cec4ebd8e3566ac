"""What every outside queue does alike: a connection that is lost is made anew by whoever needs it next.

Nothing is recovered behind the back of the engine: what was not confirmed is published again, what was not
acknowledged comes again.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence

from aforo.adapters.queues.messages import NotAResult, message_of, published_in_order
from aforo.domain.delivery import ResultMessage

PREFETCH = 200
WAIT_S = 10.0
REST_S = 1.0
Take = Callable[[Sequence[ResultMessage]], Awaitable[None]]
Send = Callable[[ResultMessage], Awaitable[None]]
"""Durable at the broker when it returns."""


class BrokerQueue(ABC):
    """A ResultQueue. away: what the library raises when the broker is away, or goes."""

    name: str
    away: tuple[type[Exception], ...]

    def __init__(self, url: str, report: Callable[[str, BaseException], None]) -> None:
        self._url = url
        self._report = report

    async def publish(self, messages: Sequence[ResultMessage]) -> Sequence[str]:
        try:
            async with asyncio.timeout(WAIT_S):
                send = await self._sender()
        except self.away as away:
            await self._lost(away)
            return ()
        lost: list[BaseException] = []

        async def one(message: ResultMessage) -> bool:
            try:
                async with asyncio.timeout(WAIT_S):
                    await send(message)
            except self.away as away:
                lost.append(away)
                return False
            return True

        confirmed = await published_in_order(messages, one)
        if lost:
            await self._lost(lost[0])
        return confirmed

    async def consume(self, take: Take) -> None:
        """Until cancelled. take: durable when it returns; what it raises leaves the messages on the queue."""
        while True:
            try:
                await self._consume(take)
            except Exception as wrong:  # noqa: BLE001 (the queue or the database is away; both come back)
                self._report("result queue", wrong)
                await asyncio.sleep(REST_S)

    @abstractmethod
    async def close(self) -> None:
        """The connection over which results are published."""

    @abstractmethod
    async def _sender(self) -> Send:
        """Over the connection that there is, or a new one."""

    @abstractmethod
    async def _consume(self, take: Take) -> None:
        """Over a connection of its own, until that is lost."""

    def _result_in(self, octets: bytes) -> ResultMessage | None:
        """None: it is none of ours, which is told."""
        try:
            return message_of(octets)
        except NotAResult as wrong:
            self._report("result queue", wrong)
            return None

    async def _quietly(self, closing: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(WAIT_S):
                await closing
        except self.away:
            return

    async def _lost(self, away: BaseException) -> None:
        self._report("result queue", away)
        await self.close()
