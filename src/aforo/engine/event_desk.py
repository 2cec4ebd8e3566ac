"""What is known of meters' events: what the ends of a source's own orders have shown."""

from datetime import datetime

from aforo.cim.control_response import response_header
from aforo.cim.end_device_events import NOUN, EventsRequest, EventsResponse, ToldEvent, found
from aforo.cim.message import message_id, timestamp
from aforo.domain.identifiers import MeterNumber, Source
from aforo.domain.order import Order
from aforo.domain.order_filter import OrderFilter
from aforo.engine.ports import Clock, OrderStore
from aforo.flow.device_events import events_of

ORDERS_MAX = 500
"""Whose ends are looked at, the newest."""


class EventDesk:
    def __init__(self, orders: OrderStore, clock: Clock) -> None:
        self._orders = orders
        self._clock = clock

    async def events(self, request: EventsRequest) -> EventsResponse:
        """In the order of their orders."""
        meter = MeterNumber(request.meter) if request.meter else None
        sought = OrderFilter(source=Source(request.header.source), meter=meter)
        orders = await self._orders.latest(ORDERS_MAX, sought=sought)
        told = (event for order in reversed(orders) if order.state.is_end for event in _told_of(order))
        events = tuple(event for event in told if _is_within(event, request))
        at = timestamp(self._clock.now())
        identifier = message_id("events", request.header.source, request.header.message_id, at)
        header = response_header(request.header, identifier=identifier, at=at, noun=NOUN)
        return EventsResponse(header, found(len(events), is_english=request.language == "en"), events)


def _told_of(order: Order) -> list[ToldEvent]:
    return [
        ToldEvent(code=event.code, meter=order.request.meter, order=order.number, at=event.at, details=event.details)
        for event in events_of(order)
    ]


def _is_within(event: ToldEvent, request: EventsRequest) -> bool:
    at = datetime.fromisoformat(event.at)
    return (request.since is None or at >= request.since) and (request.until is None or at <= request.until)
