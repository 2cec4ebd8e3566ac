"""Tells in time that an order's deadline comes near: a warning, then an escalation, on record with the order."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from aforo.engine.listeners import Listeners
from aforo.engine.order_book import OrderBook
from aforo.engine.ports import Clock, StaleOrder, StoreUnavailable
from aforo.flow.deadline_alarm import raise_alarm

BATCH_MAX = 500
REST_S = 1.0
SLEEP_MAX = timedelta(minutes=10)
"""Another process may have validated an order that nobody here was told of."""


class DeadlineWatch:
    """Runs until cancelled. wake: an order's alarm is due then."""

    def __init__(self, book: OrderBook, clock: Clock, listeners: Listeners) -> None:
        self._book = book
        self._clock = clock
        self._report = listeners.report
        self._look = asyncio.Event()
        self._sleeps_until: datetime | None = None

    def wake(self, due: datetime) -> None:
        if self._sleeps_until is not None and due < self._sleeps_until:
            self._look.set()

    def look(self) -> None:
        """Another process has committed an alarm, due at a time that is not told."""
        self._look.set()

    async def run(self) -> None:
        while True:
            self._look.clear()
            try:
                now = self._clock.now()
                await self._raise_due(now)
                due = await self._book.store.next_alarm(now)
            except StoreUnavailable as away:
                self._report("deadlines", away)
                await asyncio.sleep(REST_S)
                continue
            await self._sleep(now, due)

    async def _raise_due(self, now: datetime) -> None:
        while due := await self._book.store.alarms_due(now, BATCH_MAX):
            for order in due:
                with suppress(StaleOrder):  # decided about meanwhile: it comes again with the next batch
                    await self._book.commit(raise_alarm(order, now))

    async def _sleep(self, now: datetime, due: datetime | None) -> None:
        self._sleeps_until = now + SLEEP_MAX if due is None else min(due, now + SLEEP_MAX)
        try:
            async with asyncio.timeout(max(0.0, (self._sleeps_until - self._clock.now()).total_seconds())):
                await self._look.wait()
        except TimeoutError:
            return
