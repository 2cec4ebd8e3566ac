"""Which orders somebody looks for."""

from dataclasses import dataclass
from datetime import datetime

from aforo.domain.causes import Cause
from aforo.domain.identifiers import MeterNumber, Source
from aforo.domain.order import Order
from aforo.domain.order_states import OrderState


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders are looked for; what is None does not matter.   since: received then or later."""

    source: Source | None = None
    state: OrderState | None = None
    cause: Cause | None = None
    meter: MeterNumber | None = None
    since: datetime | None = None

    def fits(self, order: Order) -> bool:
        return (
            self.source in (None, order.request.source)
            and self.state in (None, order.state)
            and self.cause in (None, order.cause)
            and self.meter in (None, order.request.meter)
            and (self.since is None or order.received_at >= self.since)
        )


EVERY_ORDER = OrderFilter()
