"""What must hold before an order is sent: one predicate and one cause each (source document, use case preconditions).

Reachable and in-the-table are not here: the concentrator tells them in the session (`aforo.flow`, steps 4 and 7).
"""

from collections.abc import Callable
from datetime import datetime

from aforo.domain.causes import Cause
from aforo.domain.devices import Link, Meter
from aforo.domain.order import OrderRequest
from aforo.domain.working_days import is_working_day


def is_registered(meter: Meter | None) -> bool:
    return meter is not None


def is_linked(meter: Meter) -> bool:
    return meter.link is Link.DIRECT or meter.concentrator is not None


def is_commissioned(meter: Meter) -> bool:
    return meter.commissioned


def is_within_rating(request: OrderRequest, meter: Meter) -> bool:
    return request.limit is None or request.limit.watts <= meter.max_power_w


def may_run_today(request: OrderRequest, meter: Meter, now: datetime) -> bool:
    return request.special is not None or is_working_day(now, meter.time_zone)


_LASTING: tuple[tuple[Callable[[OrderRequest, Meter], bool], Cause], ...] = (
    (lambda _, meter: is_linked(meter), Cause.NOT_LINKED),
    (lambda _, meter: is_commissioned(meter), Cause.NOT_COMMISSIONED),
    (is_within_rating, Cause.LIMIT_ABOVE_RATING),
)


def lasting_obstacle(request: OrderRequest, meter: Meter | None) -> Cause | None:
    """The first precondition that fails whatever the day, or None: then nothing stands in the way."""
    if meter is None:
        return Cause.NOT_REGISTERED
    return next((cause for holds, cause in _LASTING if not holds(request, meter)), None)
