"""A concentrator's book of orders and results: which is taken, which goes next, what is still owed to the head-end."""

import heapq
from collections.abc import Iterable
from datetime import datetime, timedelta

from aforo.dclink.codec import DETAIL_OCTETS_MAX
from aforo.dclink.messages import (
    ItemDemand,
    ItemKind,
    ItemReadback,
    ItemResult,
    ItemSupply,
    ItemVerdict,
    OrderItem,
    QueuedOrder,
    Submission,
    Withdrawal,
)
from aforo.domain.causes import Cause
from aforo.domain.quantities import InvalidLimit, PowerLimit
from aforo.domain.readback import CommandResult, DemandReadback, Readback, SupplyReadback, Verdict
from aforo.simulator.concentrator_settings import Begun, ConcentratorMemory, ConcentratorSettings, LastOrder, Waiting


class OrderLedger:
    """Of each meter at most one order waits, the one with the highest fence: a higher fence drops what waited.

    Repeating an order that was taken changes nothing, because its fence is the meter's highest; when it has been
    overtaken or withdrawn, the fence refuses it. So nothing is ever carried out twice, however often it is sent.

    Faults, to be set at will. is_busy: as if the queue were full.   clock_offset: how far its clock is ahead.
    """

    def __init__(self, memory: ConcentratorMemory, settings: ConcentratorSettings) -> None:
        self._memory = memory
        self._settings = settings
        self.is_busy = False
        self._clock_offset = timedelta()
        self._line = self._queue()
        self._fresh: list[ItemResult] = []

    @property
    def clock_offset(self) -> timedelta:
        return self._clock_offset

    @clock_offset.setter
    def clock_offset(self, ahead: timedelta) -> None:
        """The order being carried out keeps to the clock as it is from now on."""
        self._clock_offset = ahead
        if self._memory.begun is not None:
            self._memory.begun.keep_to(ahead)

    def open_session(self, epoch: int) -> bool:
        """False: a later session was opened before."""
        if epoch < self._memory.epoch:
            return False
        self._memory.epoch = epoch
        return True

    def submit(self, item: OrderItem, now: datetime) -> Submission:
        cause = self._refusal(item)
        if cause is not None:
            return Submission(item.order_id, False, cause.value)
        if not self._is_last(item):
            self._take(item, now)
        return Submission(item.order_id, True)

    def withdraw(self, order_id: int) -> Withdrawal:
        """What of it waits is dropped; BEGUN all the same when it has begun under an earlier fence."""
        memory = self._memory
        is_begun = memory.begun is not None and memory.begun.item.order_id == order_id
        for meter, waiting in memory.waiting.items():
            if waiting.item.order_id == order_id:
                del memory.waiting[meter]
                memory.last[meter] = LastOrder(order_id, waiting.item.fence, withdrawn=True)
                return Withdrawal.BEGUN if is_begun else Withdrawal.WITHDRAWN
        if is_begun or any(result.order_id == order_id for result in memory.results.values()):
            return Withdrawal.BEGUN
        last = next((last for last in memory.last.values() if last.order_id == order_id), None)
        if last is None:
            return Withdrawal.UNKNOWN
        return Withdrawal.WITHDRAWN if last.withdrawn else Withdrawal.BEGUN

    def acknowledge(self, results: Iterable[int]) -> int:
        """How many are still pending."""
        for result_id in results:
            self._memory.results.pop(result_id, None)
        return len(self._memory.results)

    def queued(self) -> list[QueuedOrder]:
        """In the order of their order_id, the begun one among them."""
        begun = [] if self._memory.begun is None else [_queued(self._memory.begun.item, begun=True)]
        waiting = [_queued(waiting.item, begun=False) for waiting in self._memory.waiting.values()]
        return sorted(begun + waiting, key=lambda queued: (queued.order_id, queued.fence))

    def begin(self, now: datetime) -> Begun | None:
        """The order to carry out next, highest priority first; those whose time has passed end here."""
        memory = self._memory
        while self._line:
            _, place, meter = heapq.heappop(self._line)
            waiting = memory.waiting.get(meter)
            if waiting is None or waiting.place != place:
                continue  # withdrawn, or overtaken by a higher fence
            del memory.waiting[meter]
            item = waiting.item
            if item.not_after is not None and now + self.clock_offset > item.not_after:
                detail = f"not to begin after {item.not_after.isoformat()}"
                self._record(item, CommandResult(Verdict.KO, Cause.EXPIRED, detail), now)
                continue
            memory.begun = Begun.of(item, self.clock_offset)
            return memory.begun
        return None

    def finish(self, result: CommandResult, now: datetime) -> None:
        """The begun order has ended so."""
        begun = self._memory.begun
        assert begun is not None, "a result belongs to an order that was begun"
        self._record(begun.item, result, now)
        self._memory.begun = None

    def take_fresh(self) -> list[ItemResult]:
        """Results recorded since the last call, to be pushed."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def _queue(self) -> list[tuple[int, int, str]]:
        line = [_rank(waiting) for waiting in self._memory.waiting.values()]
        heapq.heapify(line)
        return line

    def _refusal(self, item: OrderItem) -> Cause | None:
        memory, last = self._memory, self._memory.last.get(item.meter)
        if item.epoch != memory.epoch:
            return Cause.OLD_EPOCH
        if last is not None and self._is_last(item):
            return Cause.STALE_FENCE if last.withdrawn else None
        if item.meter not in memory.table:
            return Cause.NOT_IN_TABLE
        if last is not None and item.fence <= last.fence:
            return Cause.STALE_FENCE
        if self._settings.model(item.model) is None:
            return Cause.UNKNOWN_MODEL
        if item.kind is ItemKind.LIMIT and not _is_limit(item.limit_w):
            return Cause.LIMIT_NOT_REPRESENTABLE
        return Cause.CONCENTRATOR_FAULT if self._is_full() else None

    def _is_last(self, item: OrderItem) -> bool:
        last = self._memory.last.get(item.meter)
        return last is not None and (last.order_id, last.fence) == (item.order_id, item.fence)

    def _is_full(self) -> bool:
        """Every order taken is owed a result, so the room for it is counted from the start."""
        waiting = len(self._memory.waiting)
        owed = waiting + len(self._memory.results) + (self._memory.begun is not None)
        return self.is_busy or waiting >= self._settings.queue_max or owed >= self._settings.results_max

    def _take(self, item: OrderItem, now: datetime) -> None:
        memory = self._memory
        overtaken = memory.waiting.pop(item.meter, None)
        memory.last[item.meter] = LastOrder(item.order_id, item.fence)
        waiting = memory.waiting[item.meter] = Waiting(item, memory.next_place)
        memory.next_place += 1
        heapq.heappush(self._line, _rank(waiting))
        if len(self._line) > 2 * self._settings.queue_max:
            self._line = self._queue()  # most of it was withdrawn or overtaken
        if overtaken is not None:
            detail = f"overtaken by fence {item.fence} before it had begun"
            self._record(overtaken.item, CommandResult(Verdict.KO, Cause.STALE_FENCE, detail), now)

    def _record(self, item: OrderItem, result: CommandResult, now: datetime) -> None:
        memory = self._memory
        recorded = ItemResult(
            result_id=memory.next_result,
            order_id=item.order_id,
            fence=item.fence,
            verdict=ItemVerdict(result.verdict.value),
            cause=result.cause.value if result.cause else "",
            detail=result.detail[:DETAIL_OCTETS_MAX],
            readback=_told(result.readback) if isinstance(result.readback, Readback) else None,
            supply=_supply_told(result.readback) if isinstance(result.readback, SupplyReadback) else None,
            demand=_demand_told(result.readback) if isinstance(result.readback, DemandReadback) else None,
            at=now,
        )
        memory.next_result += 1
        memory.results[recorded.result_id] = recorded
        self._fresh.append(recorded)


def _rank(waiting: Waiting) -> tuple[int, int, str]:
    return (-waiting.item.priority, waiting.place, waiting.item.meter)


def _is_limit(watts: int) -> bool:
    try:
        PowerLimit(watts)
    except InvalidLimit:
        return False
    return True


def _queued(item: OrderItem, *, begun: bool) -> QueuedOrder:
    return QueuedOrder(item.order_id, item.fence, item.meter, item.priority, begun)


def _supply_told(readback: SupplyReadback) -> ItemSupply:
    return ItemSupply(
        before=readback.before.value,
        state=readback.state.value,
        output=readback.output,
        is_commanded=readback.is_commanded,
        read_at=readback.read_at,
    )


def _demand_told(readback: DemandReadback) -> ItemDemand:
    return ItemDemand(
        average=readback.average,
        scaler=readback.scaler,
        period_s=readback.period_s,
        captured_at=readback.captured_at,
        breaker=None if readback.breaker is None else readback.breaker.value,
        read_at=readback.read_at,
    )


def _told(readback: Readback) -> ItemReadback:
    return ItemReadback(
        before=readback.before,
        written=readback.written,
        threshold=readback.threshold,
        active=readback.active,
        scaler=readback.scaler,
        read_at=readback.read_at,
        emergency=readback.emergency,
        breaker=None if readback.breaker is None else readback.breaker.value,
        restores_at=readback.restores_at,
    )
