"""Drives a conversation of `aforo.flow.device_client` over a real line, with durable counters."""

import asyncio
from datetime import timedelta
from typing import TypeVar

from msgspec import Struct

from aforo.dlms.counters import CounterRange, CountersExhausted
from aforo.dlms.errors import RemoteProtocolError
from aforo.domain.causes import Cause
from aforo.domain.devices import Address
from aforo.engine.ports import Clock, Line, Lines, LineSilent, LineUnavailable, SessionLedger
from aforo.flow.device_client import (
    Conversation,
    CountersGiven,
    CountersWanted,
    DeviceLost,
    Exchange,
    Heard,
)

COUNTERS_RESERVED = 64
"""Invocation counters reserved at a time: a durable write every 64 messages, and 2^26 reservations in a key's life."""

T = TypeVar("T")


class LinkTarget(Struct, frozen=True, kw_only=True):
    """device: its name in the ledger of counters.   meter: behind the gateway at the address; empty: the device itself.

    unavailable: what a line that cannot be had means for an order.
    """

    device: str
    address: Address
    meter: str = ""
    unavailable: Cause = Cause.METER_UNREACHABLE


class SharedLine:
    """One connection, opened when first used, shared by conversations that take turns on it."""

    def __init__(self, lines: Lines, address: Address) -> None:
        self._lines = lines
        self._address = address
        self._line: Line | None = None

    async def get(self) -> Line:
        """Raises LineUnavailable."""
        if self._line is None:
            self._line = await self._lines.open(self._address)
        return self._line

    async def drop(self) -> None:
        """After silence or loss: a late answer must never be taken for the answer to something else."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()


class DeviceLink:
    """One device over a shared line. answer_wait: until silence is certain."""

    def __init__(
        self, target: LinkTarget, line: SharedLine, *, ledger: SessionLedger, clock: Clock, answer_wait: timedelta
    ) -> None:
        self._target = target
        self._line = line
        self._ledger = ledger
        self._clock = clock
        self._answer_wait_s = answer_wait.total_seconds()

    async def drive(self, conversation: Conversation[T]) -> T:
        """The conversation's result; raises what it raises (DeviceLost)."""
        try:
            step = next(conversation)
            while True:
                try:
                    answer = await self._answer(step)
                except LineUnavailable as lost:
                    await self._line.drop()
                    step = conversation.throw(DeviceLost(self._target.unavailable, str(lost)))
                except RemoteProtocolError as wrong:  # of the framing: the stream can no longer be followed
                    await self._line.drop()
                    step = conversation.throw(DeviceLost(Cause.PROTOCOL_FAULT, str(wrong)))
                except CountersExhausted as exhausted:
                    step = conversation.throw(DeviceLost(Cause.COUNTER_JUMP, str(exhausted)))
                else:
                    step = conversation.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result

    async def _answer(self, step: Exchange | CountersWanted) -> Heard | CountersGiven:
        if isinstance(step, CountersWanted):
            return CountersGiven(await self._counters(step))
        line = await self._line.get()
        for apdu in step.apdus:
            await line.send(apdu, client_sap=step.client_sap, server_sap=step.server_sap, meter=self._target.meter)
        return await self._hear(line, step)

    async def _counters(self, wanted: CountersWanted) -> CounterRange | None:
        if wanted.expected is None:
            return await self._ledger.reserve_counters(self._target.device, COUNTERS_RESERVED)
        return await self._ledger.raise_counter(self._target.device, wanted.expected, COUNTERS_RESERVED)

    async def _hear(self, line: Line, step: Exchange) -> Heard:
        """The next APDU from this device to this client; what is for others on the line is dropped."""
        deadline = asyncio.get_running_loop().time() + self._answer_wait_s
        while True:
            try:
                frame = await line.receive(deadline - asyncio.get_running_loop().time())
            except LineSilent:
                await self._line.drop()
                return Heard(None, self._clock.now())
            if frame.meter == self._target.meter and frame.client_sap == step.client_sap:
                return Heard(frame.apdu, self._clock.now())
            if asyncio.get_running_loop().time() >= deadline:  # what is for others may come without end
                await self._line.drop()
                return Heard(None, self._clock.now())
