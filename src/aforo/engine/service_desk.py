"""What the rules about the hour of an order need to know, asked for only when it matters."""

from datetime import datetime

from aforo.domain.devices import Meter
from aforo.domain.preconditions import Circumstances
from aforo.domain.service_calendar import ServiceCalendar
from aforo.engine.ports import OrderStore


class ServiceDesk:
    def __init__(self, calendar: ServiceCalendar, orders: OrderStore) -> None:
        self._calendar = calendar
        self._orders = orders

    async def circumstances(self, meter: Meter | None, now: datetime) -> Circumstances:
        """While the window is open every order may run, whatever the meter's limit is."""
        if meter is None or self._calendar.is_open(now, meter.time_zone):
            return Circumstances(self._calendar)
        return Circumstances(self._calendar, await self._orders.known_limit(meter.number))
