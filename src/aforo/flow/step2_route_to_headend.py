"""Step 2, Integration -> HeadEnd: the order goes to the head-end, and to the lane of its meter's line."""

from datetime import datetime

from aforo.domain.devices import Meter
from aforo.domain.order import Fact, Order
from aforo.flow.decision import HEADEND, INTEGRATION, Decision, move


def route_to_headend(order: Order, meter: Meter | None, now: datetime) -> Decision:
    """Again when the meter's line has changed while the order waited.

    An order that may have left did so over the old line. The new one does not know it, which says nothing: it is read,
    never sent again, so the latest visit is no longer that of its command.
    """
    request = order.request
    lane = meter.lane if meter else ""
    payload = {
        "order": request.number,
        "kind": request.kind.name,
        "meter": request.meter,
        "limit_w": order.limit_w,
        "lane": lane or None,
        "link": meter.link.value if meter else None,
    }
    fact = Fact(2, now, INTEGRATION, HEADEND, "OrderRouted", payload)
    fence = None if order.state.may_have_left else order.fence
    return move(order, order.state, now, fact, lane=lane, fence=fence)
