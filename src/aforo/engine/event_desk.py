"""What is known of meters' events: asked of the results that the orders of a source have left."""

from datetime import datetime

from aforo.cim.control_response import response_header
from aforo.cim.end_device_events import NOUN, EventsRequest, EventsResponse, ToldEvent, found
from aforo.cim.message import message_id, timestamp
from aforo.domain.identifiers import MeterNumber
from aforo.domain.order import Order
from aforo.domain.order_filter import OrderFilter
from aforo.engine.ports import Clock, DeliveryStore, OrderStore

ORDERS_MAX = 500
"""Whose results are looked at, the newest."""


class EventDesk:
    def __init__(self, orders: OrderStore, deliveries: DeliveryStore, clock: Clock) -> None:
        self._orders = orders
        self._deliveries = deliveries
        self._clock = clock

    async def events(self, request: EventsRequest) -> EventsResponse:
        """Of the source's own orders, the oldest first."""
        meter = MeterNumber(request.meter) if request.meter else None
        orders = await self._orders.latest(ORDERS_MAX, sought=OrderFilter(meter=meter, since=request.since))
        told = [
            event
            for order in reversed(orders)
            if order.request.source == request.header.source and order.state.is_end
            for event in await self._of_order(order)
        ]
        until = request.until
        events = tuple(one for one in told if until is None or datetime.fromisoformat(one.at) <= until)
        at = timestamp(self._clock.now())
        identifier = message_id("events", request.header.source, request.header.message_id, at)
        header = response_header(request.header, identifier=identifier, at=at, noun=NOUN)
        return EventsResponse(header, found(len(events), is_english=request.language == "en"), events)

    async def _of_order(self, order: Order) -> list[ToldEvent]:
        """Of its latest result: what a correction no longer tells did not happen."""
        deliveries = await self._deliveries.deliveries(order.id)
        told = deliveries[-1].message.body["data"].get("events", ()) if deliveries else ()
        return [
            ToldEvent(
                code=event["code"],
                meter=order.request.meter,
                order=order.number,
                at=event["at"],
                details=tuple(event["details"].items()),
            )
            for event in told
        ]
