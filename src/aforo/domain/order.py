"""An order as the head-end keeps it, and the facts of its path."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from msgspec import Struct

from aforo.domain.causes import Cause
from aforo.domain.identifiers import Fence, MeterNumber, OrderId, OrderNumber, Source
from aforo.domain.order_kinds import OrderKind
from aforo.domain.order_states import NEVER_CARRIED_OUT, OrderState
from aforo.domain.quantities import PowerLimit


class Priority(IntEnum):
    """Higher goes first."""

    NORMAL = 0
    HIGH = 1


AGED_AFTER = timedelta(minutes=30)
"""An order that has been due for so long goes before urgent ones that are younger: none is starved."""


class OrderRequest(Struct, frozen=True, kw_only=True):
    """An order as the customer gave it, already well-formed.

    special: why it may run outside the service window; None when it may not.
    not_after: it must not begin later.   until: when the limit ends, by an order of its own.
    retry_of: number of the earlier order, of the same source, that this one gives again, or changes.
    dialect: in which it was written, and is answered.   traceparent: of its sender's trace; empty when none was told.
    digest: of what was ordered, to tell the same request repeated from another one under the same number.
    """

    source: Source
    number: OrderNumber
    kind: OrderKind
    meter: MeterNumber
    limit: PowerLimit | None
    reason: str = ""
    priority: Priority = Priority.NORMAL
    special: str | None = None
    not_after: datetime | None = None
    until: datetime | None = None
    retry_of: OrderNumber | None = None
    message_id: str = ""
    correlation_id: str = ""
    reply_address: str | None = None
    language: str = "es"
    dialect: str = "iec"
    traceparent: str = ""
    digest: str = ""

    @property
    def latest_start(self) -> datetime | None:
        """It must not begin later: neither after its not-after, nor when the limit is to have ended already."""
        return min((moment for moment in (self.not_after, self.until) if moment is not None), default=None)


class Order(Struct, frozen=True, kw_only=True):
    """version rises with every commit: a decision made on an older one is refused by the store.

    lane: the line it goes over, see `Meter.lane`; empty before it is routed and for a meter that is not registered.
    approved_by: who released it, when it had to be approved.
    restored: of an order that removes a limit: what it goes back to, as last validated.
    deadline: until when it is tried; None before it is first validated.   alarm_at: when somebody is to be told that it
    comes near; None when nobody is.   is_warned: of this deadline.
    companion_of: of one that was made with another, to end its limit or to prove its effect: that other one.
    attempts: visits begun.   next_at: not to be tried before; None while it is out, and at its end.
    fence: of the latest visit handed out.   command_fence: of the latest one that may write.
    """

    id: OrderId
    request: OrderRequest
    state: OrderState
    received_at: datetime
    version: int = 0
    lane: str = ""
    approved_by: str = ""
    restored: PowerLimit | None = None
    companion_of: OrderId | None = None
    deadline: datetime | None = None
    alarm_at: datetime | None = None
    is_warned: bool = False
    attempts: int = 0
    next_at: datetime | None = None
    fence: Fence | None = None
    command_fence: Fence | None = None
    cause: Cause | None = None
    detail: str = ""
    evidence: dict[str, Any] | None = None
    ended_at: datetime | None = None

    @property
    def number(self) -> OrderNumber:
        return self.request.number

    @property
    def kind(self) -> OrderKind:
        return self.request.kind

    @property
    def limit(self) -> PowerLimit | None:
        """What the meter shall hold; None for kinds that set no limit, and before it is known."""
        return self.request.limit or self.restored

    @property
    def limit_w(self) -> int | None:
        return None if self.limit is None else self.limit.watts


def rank(order: Order, now: datetime) -> tuple[int, OrderId]:
    """Lower goes first: high priority, or what has aged to it; then what was received before."""
    has_aged = order.next_at is not None and order.next_at <= now - AGED_AFTER
    return -max(order.request.priority, Priority.HIGH if has_aged else Priority.NORMAL), order.id


def in_turns(orders: Iterable[Order], now: datetime, served: Sequence[Source]) -> list[Order]:
    """As `rank` has them, but sources take turns where the urgency is one: the first of each, the second of each.

    served: whose turn it has been, the latest last; who has had none goes first. So neither a source with a campaign of
    many thousands nor the one that came first makes another wait for all of its own.
    """
    rounds: Counter[tuple[int, Source]] = Counter()
    places: dict[OrderId, tuple[int, int, int, OrderId]] = {}
    ranked = sorted(orders, key=lambda order: rank(order, now))
    for order in ranked:
        urgency, source = rank(order, now)[0], order.request.source
        rounds[urgency, source] += 1
        turn = served.index(source) if source in served else -1
        places[order.id] = (urgency, rounds[urgency, source], turn, order.id)
    return sorted(ranked, key=lambda order: places[order.id])


def overtakes(later: Order, order: Order) -> bool:
    """Of two orders of one meter, the later one received after the other: the older is not to be carried out any more,
    or what it did can no longer be told.
    """
    sets_the_same = order.kind.sets is not None and later.kind.sets is order.kind.sets
    if not sets_the_same or later.state in NEVER_CARRIED_OUT:
        return False
    if later.companion_of == order.id and later.state is OrderState.HELD:
        return False
    has_changed_it = later.state in (OrderState.VERIFIED, OrderState.UNCONFIRMED)
    return has_changed_it or order.state is not OrderState.UNCONFIRMED


class Fact(Struct, frozen=True):
    """One thing that happened to an order: written once, never changed.

    step: 1 to 9 of the flow.   name: past tense, a key of `aforo.flow.trace`.   payload: JSON values only, no secret.
    """

    step: int
    at: datetime
    sender: str
    receiver: str
    name: str
    payload: dict[str, Any]
