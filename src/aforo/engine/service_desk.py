"""What the rules about the hour of an order need to know."""

from collections.abc import Callable

from aforo.domain.deadlines import Deadlines
from aforo.domain.devices import Link, Meter
from aforo.domain.meter_models import MeterModel
from aforo.domain.order import OrderRequest
from aforo.domain.order_kinds import Restricts
from aforo.domain.preconditions import Circumstances
from aforo.domain.service_calendar import ServiceCalendar
from aforo.engine.ports import OrderStore


class ServiceDesk:
    def __init__(
        self,
        calendar: ServiceCalendar,
        orders: OrderStore,
        models: Callable[[str], MeterModel | None],
        *,
        deadlines: Deadlines,
    ) -> None:
        """models: by name."""
        self._deadlines = deadlines
        self._models = models
        self._calendar = calendar
        self._orders = orders

    async def circumstances(self, request: OrderRequest, meter: Meter | None) -> Circumstances:
        """The limit in force is asked for only where it decides: whether a limit is lower, for an order that is bound
        to the service window, or of a protected customer.
        """
        if meter is None:
            return Circumstances(self._calendar)
        model = self._models(meter.model)
        is_bound = request.special is None or meter.protected
        decides = is_bound and request.kind.restricts is Restricts.WHEN_LOWER
        known_limit = await self._orders.known_limit(meter.number) if decides else None
        return Circumstances(
            self._calendar,
            known_limit,
            model,
            is_model_missing=model is None and meter.link is not Link.DELEGATED,  # a concentrator has models of its own
            deadlines=self._deadlines,
        )
