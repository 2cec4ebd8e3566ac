"""What must hold before an order is sent: one predicate and one cause each (source document, use case preconditions).

Reachable and in-the-table are not here: the concentrator tells them in the session (`aforo.flow`, steps 4 and 7).
"""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from aforo.domain.causes import Cause
from aforo.domain.deadlines import Deadlines
from aforo.domain.devices import Link, Meter
from aforo.domain.meter_models import MeterModel
from aforo.domain.order import OrderRequest
from aforo.domain.order_kinds import Aspect, LimitFrom, Restricts
from aforo.domain.service_calendar import ServiceCalendar


def is_linked(meter: Meter) -> bool:
    return meter.link is Link.DIRECT or meter.concentrator is not None


def is_commissioned(meter: Meter) -> bool:
    return meter.commissioned


def is_within_rating(request: OrderRequest, meter: Meter) -> bool:
    if request.kind.limit_from is LimitFrom.CONTRACT:
        return meter.contracted_power_w <= meter.max_power_w
    return request.limit is None or request.limit.watts <= meter.max_power_w


class Circumstances(Struct, frozen=True):
    """calendar: when restrictive orders may run.   known_limit_w: last read back from the meter; None: never.

    model: of the meter; None when it is not known here.   is_model_missing: and it has to be.   wants_proof: of the
    order's effect, by the demand.
    """

    calendar: ServiceCalendar = field(default_factory=ServiceCalendar)
    known_limit_w: int | None = None
    model: MeterModel | None = None
    is_model_missing: bool = False
    wants_proof: bool = False
    deadlines: Deadlines = field(default_factory=Deadlines)


def incapacity(request: OrderRequest, known: Circumstances) -> Cause | None:
    """What the meter's model cannot do. None: nothing stands against it, as far as the model is known."""
    model = known.model
    if known.is_model_missing:
        return Cause.UNKNOWN_MODEL
    if model is None:
        return None
    if request.kind.sets is Aspect.SUPPLY and model.breaker is None:
        return Cause.NO_SWITCH
    if request.limit is not None and model.scaler is not None and not request.limit.is_multiple_of(model.scaler):
        return Cause.LIMIT_NOT_REPRESENTABLE
    if request.limit is not None and not model.takes(request.limit.watts):
        return Cause.LIMIT_OUTSIDE_RANGE
    return Cause.NO_DEMAND if known.wants_proof and model.demand is None else None


def is_restrictive(request: OrderRequest, meter: Meter, known_limit_w: int | None) -> bool:
    """Whether the customer has less afterwards. What has never been read counts as what the contract says."""
    if request.kind.restricts is not Restricts.WHEN_LOWER or request.limit is None:
        return request.kind.restricts is Restricts.ALWAYS
    return request.limit.watts < (meter.contracted_power_w if known_limit_w is None else known_limit_w)


def protection(request: OrderRequest, meter: Meter, known: Circumstances) -> Cause | None:
    """Of a protected customer (domain.md 1.5): a restrictive order takes two people. None: nothing to be asked."""
    if not meter.protected or not is_restrictive(request, meter, known.known_limit_w):
        return None
    return Cause.PROTECTED_CUSTOMER if request.special is None else Cause.AWAITING_APPROVAL


class Closed(Struct, frozen=True):
    """until: when the service window opens again."""

    cause: Cause
    until: datetime


def closed_now(request: OrderRequest, meter: Meter, now: datetime, known: Circumstances) -> Closed | None:
    """None: it may run. A special request passes the day and the window, and a restoration is due at any time."""
    calendar, zone = known.calendar, meter.time_zone
    if request.special is not None or calendar.is_open(now, zone):
        return None
    if not is_restrictive(request, meter, known.known_limit_w):
        return None
    is_day = calendar.is_working_day(now.astimezone(ZoneInfo(zone)).date())
    cause = Cause.OUTSIDE_SERVICE_WINDOW if is_day else Cause.NOT_A_WORKING_DAY
    return Closed(cause, calendar.next_opening(now, zone))


def window_end(request: OrderRequest, meter: Meter, now: datetime, known: Circumstances) -> datetime | None:
    """When the service window closes on an order that may run only within it. None: it may run at any time."""
    if request.special is not None or not is_restrictive(request, meter, known.known_limit_w):
        return None
    return known.calendar.closing(now, meter.time_zone)


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
