"""Steps 1, 2 and 3 at the door: received, routed and validated in one transaction, and the sender told at once."""

import asyncio
from collections.abc import Callable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from msgspec.structs import replace

from aforo.cim.control_requests import CancelRequest, ControlRequest, GetRequest, RefusedControl
from aforo.cim.control_response import ControlResponse
from aforo.cim.end_device_events import EventsRequest, EventsResponse
from aforo.cim.master_data_linkage import LinkageRequest
from aforo.cim.message import Header, Reply, Result
from aforo.cim.refusal import CimError, Refusal
from aforo.domain.delivery import DeliveryState
from aforo.domain.identifiers import MeterNumber, OrderNumber, Source
from aforo.domain.order import Order, OrderRequest
from aforo.domain.order_states import OrderState
from aforo.engine.event_desk import EventDesk
from aforo.engine.link_desk import LinkDesk
from aforo.engine.listeners import telling_of_doubt
from aforo.engine.order_book import OrderBook
from aforo.engine.order_desk import OrderDesk, TooLate
from aforo.engine.ports import Clock, DeliveryStore, DeviceRegistry, StoreUnavailable
from aforo.engine.service_desk import ServiceDesk
from aforo.flow import order_asked
from aforo.flow import step1_receive_order as step1
from aforo.flow import step9_reply_to_legacy as step9
from aforo.flow.decision import Decision
from aforo.flow.order_asked import CallerRules
from aforo.flow.step2_route_to_headend import route_to_headend
from aforo.flow.step3_validate_meter import validate_meter

WAITERS_MAX = 500
"""Senders that wait for a final answer at the same time; whoever comes then is told at once how the order stands."""

FIRST_LOOK_S, LOOK_S_MAX = 0.05, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationPorts:
    book: OrderBook
    registry: DeviceRegistry
    deliveries: DeliveryStore
    desk: ServiceDesk
    clock: Clock


class Integration:
    """What the doors call. Every call may raise CimError."""

    def __init__(self, ports: IntegrationPorts, rules_of: Callable[[str], CallerRules]) -> None:
        """rules_of: by source."""
        self._book = ports.book
        self._registry = ports.registry
        self._deliveries = ports.deliveries
        self._desk = ports.desk
        self._clock = ports.clock
        self._orders = OrderDesk(ports.book, ports.clock)
        self._events = EventDesk(ports.book.store, ports.clock)
        self._links = LinkDesk(ports.registry, ports.clock)
        self._rules_of = rules_of
        self._waiters = 0

    async def take(
        self, items: Sequence[ControlRequest | RefusedControl], asked: Header, *, language: str, traceparent: str = ""
    ) -> ControlResponse:
        """The orders of one message, each for itself: durable, or refused, when it returns. items: one at least."""
        if len(items) == 1 and isinstance(items[0], ControlRequest):
            return await self.create(items[0], traceparent=traceparent)
        numbers = frozenset(number for item in items if (number := _number_of(item)))
        outcomes = await asyncio.gather(*(self._create_or_refuse(item, numbers, traceparent) for item in items))
        return step1.acknowledge_several(outcomes, asked, language=language, now=self._clock.now())

    async def create(
        self, request: ControlRequest, siblings: Set[str] = frozenset(), *, traceparent: str = ""
    ) -> ControlResponse:
        """Durable when it returns. The same order sent again gets the same acknowledgement.

        siblings: numbers of the orders of its message.   traceparent: see OrderRequest.
        """
        if request.usage_point:
            request = await self._at_its_place(request)
        asked = order_asked.order_request(request, self._rules_of(request.header.source))
        if isinstance(asked, Refusal):
            raise CimError(asked)
        if traceparent:
            asked = replace(asked, traceparent=traceparent)
        for number in await self._book.store.numbers_of_message(asked.source, asked.message_id):
            if number != asked.number and number not in siblings:
                raise CimError(step1.used_message_id(request, number))
        if request.changes:
            await self._check_change(request)
        decided = await self._decide(asked, wants_proof=order_asked.wants_proof(request))
        order = await self._book.receive(decided, await self._companions(decided.order, request))
        if order.request.digest != asked.digest:
            raise CimError(step1.conflict(asked.number, request))
        if not order.state.is_end:
            with suppress(StoreUnavailable):  # it is accepted; what it has overtaken ends when its own turn comes
                await self._orders.supersede_older(order)
        acknowledged = step1.acknowledge(order, request, self._clock.now())
        wait = order_asked.wait_of(request)
        if not wait or acknowledged.reply.result is Result.FAILED:
            return acknowledged
        return await self._final(order, request, wait) or acknowledged

    async def get(self, request: GetRequest) -> ControlResponse:
        """The final answer when there is one, else how the order stands; of several orders, how each of them does."""
        source = Source(request.header.source)
        if not request.number:
            return await self._get_correlated(request)
        order = await self._book.store.find(source, OrderNumber(request.number))
        if order is None:
            raise CimError(step1.unknown_order(request))
        return await self._standing(order, request)

    async def events(self, request: EventsRequest) -> EventsResponse:
        return await self._events.events(request)

    async def link(self, request: LinkageRequest) -> Reply:
        return await self._links.link(request)

    async def cancel(self, request: CancelRequest) -> ControlResponse:
        """Durable when it returns; its final answer (6.5) goes its way as any other."""
        order = await self._book.store.find(Source(request.header.source), OrderNumber(request.number))
        if order is None:
            raise CimError(step1.unknown_order(request))
        if order.state is not OrderState.CANCELLED:
            try:
                order = await self._orders.cancel(order.id, by=request.header.source, reason=request.reason)
            except TooLate as late:
                raise CimError(step1.too_late(late.order)) from late
        return step1.cancelled(order, request, self._clock.now())

    async def _create_or_refuse(
        self, item: ControlRequest | RefusedControl, siblings: Set[str], traceparent: str
    ) -> ControlResponse | RefusedControl:
        if isinstance(item, RefusedControl):
            return item
        try:
            return await self.create(item, siblings, traceparent=traceparent)
        except CimError as refused:
            return RefusedControl(meter=item.meter or item.usage_point, number=item.number, refusal=refused.refusal)

    async def _at_its_place(self, request: ControlRequest) -> ControlRequest:
        """With the meter that stands at the usage point, or is said to."""
        found = await self._registry.meters_at(request.usage_point)
        numbers = [number for number in found if request.meter in ("", number)]
        if len(numbers) != 1:
            raise CimError(step1.unknown_place(request, meters=len(found)))
        return replace(request, meter=numbers[0])

    async def _check_change(self, request: ControlRequest) -> None:
        earlier = await self._book.store.find(Source(request.header.source), OrderNumber(request.number))
        if earlier is None:
            raise CimError(step1.unknown_order(request))
        if earlier.request.meter != MeterNumber(request.meter):
            raise CimError(step1.other_meter(earlier, request))

    async def _get_correlated(self, request: GetRequest) -> ControlResponse:
        orders = await self._book.store.find_correlated(Source(request.header.source), request.correlation_id)
        if not orders:
            raise CimError(step1.unknown_order(request))
        if len(orders) == 1:
            return await self._standing(orders[0], request)
        outcomes = await asyncio.gather(*(self._standing(order, request) for order in orders))
        return step1.acknowledge_several(outcomes, request.header, language=request.language, now=self._clock.now())

    async def _standing(self, order: Order, request: GetRequest) -> ControlResponse:
        deliveries = await self._deliveries.deliveries(order.id)
        if not deliveries:
            return step1.acknowledge(order, request, self._clock.now())
        latest = deliveries[-1]
        if latest.state is DeliveryState.KEPT:
            closed, fact = step9.answered(order, latest, "asked for", self._clock.now())
            with telling_of_doubt(lambda: self._book.note_facts(())):
                await self._deliveries.close_delivery(closed, fact)
            self._book.note_facts(() if fact is None else ((order.id, fact),))
        return step9.answer(order, latest.message, asked=request)

    async def _final(self, order: Order, request: ControlRequest, wait: timedelta) -> ControlResponse | None:
        """None: it has not ended within the wait."""
        if self._waiters >= WAITERS_MAX:
            return None
        asked = GetRequest(header=request.header, number=order.number, language=request.language)
        until, look_s = self._clock.now() + wait, FIRST_LOOK_S
        self._waiters += 1
        try:
            while self._clock.now() < until:
                await asyncio.sleep(look_s)
                look_s = min(look_s * 1.5, LOOK_S_MAX)
                if await self._deliveries.deliveries(order.id):
                    return await self.get(asked)
        finally:
            self._waiters -= 1
        return None

    async def _companions(self, order: Order, request: ControlRequest) -> list[Decision]:
        """Orders in the same transaction: the one that ends a temporary limit, and the one that proves its effect."""
        if order.state.is_end:
            return []
        plans = []
        if order.request.until is not None:
            plans.append(step1.plan_removal)
        if order_asked.wants_proof(request):
            plans.append(step1.plan_proof)
        return [plan(order, await self._book.store.new_order_id(), self._clock.now()) for plan in plans]

    async def _decide(self, asked: OrderRequest, *, wants_proof: bool) -> Decision:
        meters = await self._registry.meters([asked.meter])
        meter = meters.get(asked.meter)
        now = self._clock.now()
        received = step1.receive_order(asked, await self._book.store.new_order_id(), now)
        routed = received.then(route_to_headend(received.order, meter, now))
        known = await self._desk.circumstances(asked, meter)
        return routed.then(validate_meter(routed.order, meter, now, replace(known, wants_proof=wants_proof)))


def _number_of(item: ControlRequest | RefusedControl) -> str:
    """Empty for one that has none, or is refused for it."""
    if isinstance(item, RefusedControl):
        return item.number
    try:
        return order_asked.number_of(item)
    except CimError:
        return ""
