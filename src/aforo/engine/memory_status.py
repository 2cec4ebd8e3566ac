"""StatusStore over the twins in memory."""

from collections import Counter
from datetime import datetime, timedelta

from aforo.domain.order import Order
from aforo.engine.memory import WAITING, MemoryDeliveryStore, MemoryOrderStore
from aforo.engine.status import LANES_MAX, Backlog, LaneStatus


class MemoryStatusStore:
    """See `aforo.engine.status.StatusStore`."""

    def __init__(self, orders: MemoryOrderStore, deliveries: MemoryDeliveryStore) -> None:
        self._orders = orders
        self._deliveries = deliveries

    async def answers(self) -> None: ...

    async def backlog(self, now: datetime, window: timedelta) -> Backlog:
        orders = self._orders.all()
        due = [order.next_at for order in orders if _is_due(order, now)]
        lanes: dict[str, list[Order]] = {}
        for order in orders:
            if order.lane and (order.ended_at is None or order.next_at is not None):
                lanes.setdefault(order.lane, []).append(order)
        told = [_lane(lane, of_lane, now) for lane, of_lane in lanes.items()]
        told.sort(key=lambda lane: (lane.due_since is None, lane.due_since or now, -lane.waiting, lane.lane))
        unpublished, unanswered = self._deliveries.pending()
        return Backlog(
            at=now,
            window=window,
            open=dict(sorted(Counter(order.state.value for order in orders if order.ended_at is None).items())),
            due=len(due),
            due_since=min((moment for moment in due if moment is not None), default=None),
            unpublished=unpublished,
            unanswered=unanswered,
            ended=sum(order.ended_at is not None and order.ended_at > now - window for order in orders),
            lanes=tuple(told[:LANES_MAX]),
            processes=1,
        )


def _is_due(order: Order, now: datetime) -> bool:
    return order.state in WAITING and order.next_at is not None and order.next_at <= now


def _lane(lane: str, orders: list[Order], now: datetime) -> LaneStatus:
    due = [order.next_at for order in orders if order.next_at is not None and order.next_at <= now]
    waiting = sum(order.next_at is not None for order in orders)
    return LaneStatus(lane, waiting, min(due, default=None), sum(order.state.may_have_left for order in orders))
