"""Steps 1, 2 and 3 at the door: received, routed and validated in one transaction, and the sender told at once."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from aforo.cim.control_response import ControlResponse
from aforo.cim.end_device_controls import ControlRequest, GetRequest
from aforo.cim.refusal import CimError, Refusal
from aforo.domain.delivery import DeliveryState
from aforo.domain.identifiers import OrderNumber, Source
from aforo.domain.order import Order, OrderRequest
from aforo.engine.order_book import OrderBook
from aforo.engine.order_desk import OrderDesk
from aforo.engine.ports import Clock, DeliveryStore, DeviceRegistry
from aforo.engine.service_desk import ServiceDesk
from aforo.flow import step1_receive_order as step1
from aforo.flow import step9_reply_to_legacy as step9
from aforo.flow.decision import Decision
from aforo.flow.step1_receive_order import CallerRules
from aforo.flow.step2_route_to_headend import route_to_headend
from aforo.flow.step3_validate_meter import validate_meter


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationPorts:
    book: OrderBook
    registry: DeviceRegistry
    deliveries: DeliveryStore
    desk: ServiceDesk
    clock: Clock


class Integration:
    """What the SOAP door calls."""

    def __init__(self, ports: IntegrationPorts, rules_of: Callable[[str], CallerRules]) -> None:
        """rules_of: by source."""
        self._book = ports.book
        self._registry = ports.registry
        self._deliveries = ports.deliveries
        self._desk = ports.desk
        self._clock = ports.clock
        self._orders = OrderDesk(ports.book, ports.clock)
        self._rules_of = rules_of

    async def create(self, request: ControlRequest) -> ControlResponse:
        """Durable when it returns. The same order sent again gets the same acknowledgement. Raises CimError."""
        asked = step1.order_request(request, self._rules_of(request.header.source))
        if isinstance(asked, Refusal):
            raise CimError(asked)
        decided = await self._decide(asked, wants_proof=step1.wants_proof(request))
        order = await self._book.receive(decided, await self._companions(decided.order, request))
        if order.request.digest != asked.digest:
            raise CimError(step1.conflict(asked.number, request))
        if not order.state.is_end:
            await self._orders.supersede_older(order)
        return step1.acknowledge(order, request, self._clock.now())

    async def get(self, request: GetRequest) -> ControlResponse:
        """The final answer when there is one, else how the order stands. Raises CimError."""
        order = await self._book.store.find(Source(request.header.source), OrderNumber(request.number))
        if order is None:
            raise CimError(step1.unknown_order(request))
        deliveries = await self._deliveries.deliveries(order.id)
        if not deliveries:
            return step1.acknowledge(order, request, self._clock.now())
        latest = deliveries[-1]
        if latest.state is DeliveryState.KEPT:
            closed, fact = step9.answered(order, latest, "asked for", self._clock.now())
            await self._deliveries.close_delivery(closed, fact)
            self._book.note_facts(() if fact is None else (fact,))
        return step9.answer(order, latest.message, asked=request)

    async def _companions(self, order: Order, request: ControlRequest) -> list[Decision]:
        """Orders in the same transaction: the one that ends a temporary limit, and the one that proves its effect."""
        if order.state.is_end:
            return []
        plans = []
        if order.request.until is not None:
            plans.append(step1.plan_removal)
        if step1.wants_proof(request):
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
