"""The in-memory stores of a run: the production twins, and whoever watches every commit of theirs."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from aforo.domain.identifiers import Epoch, Fence
from aforo.domain.order import Order
from aforo.engine.memory import MemoryDeliveryStore, MemoryOrderStore, MemorySessionLedger
from aforo.engine.memory_audit import MemoryAuditStore


class WatchedOrders(MemoryOrderStore):
    """The in-memory store, and whoever watches every commit of it."""

    def __init__(self, committed: Callable[[Order | None, Order, Iterable[str]], None]) -> None:
        super().__init__()
        self._committed = committed

    def _keep(self, order: Order, decision: Any, result: Any) -> Order:
        before = self._orders.get(order.id)
        kept = super()._keep(order, decision, result)
        self._committed(before, kept, [fact.name for fact in decision.facts])
        return kept

    def limit_known_of(self, order: Order) -> int | None:
        return self.limit_in_force(order.request.meter)

    def unfinished(self) -> Iterator[str]:
        yield from (order.number for order in self._open.values())


class WatchedDeliveries(MemoryDeliveryStore):
    def undelivered(self) -> Iterator[str]:
        yield from (one.id for one in self._orders.results.values() if one.id not in self._published)
        yield from (one.message.id for one in self._inbox.values() if one.next_at is not None)


class WatchedLedger(MemorySessionLedger):
    """opened: told of every session that begins.   fenced: of every fence that is given to one."""

    def __init__(self, opened: Callable[[str, int], None], fenced: Callable[[str, int], None]) -> None:
        super().__init__()
        self._opened = opened
        self._fenced = fenced

    async def open_epoch(self, lane: str) -> Epoch:
        epoch = await super().open_epoch(lane)
        self._opened(lane, epoch)
        return epoch

    async def next_fence(self, lane: str, epoch: Epoch) -> Fence:
        fence = await super().next_fence(lane, epoch)
        self._fenced(lane, epoch)
        return fence


class WatchedAudit(MemoryAuditStore):
    def is_behind(self) -> bool:
        return any(len(facts) > self.sealed_length(order_id) for order_id, facts in self._facts_of.items())
