"""What the sessions of every kind of lane do with orders: claim those that are due, hand them out, take results in."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct

from aforo.domain.causes import Cause
from aforo.domain.devices import Meter
from aforo.domain.identifiers import Epoch, Fence, MeterNumber, OrderId, Source
from aforo.domain.order import Order
from aforo.domain.order_states import NEVER_CARRIED_OUT, UNSENT, OrderState
from aforo.domain.preconditions import is_linked, lasting_obstacle, window_end
from aforo.domain.readback import CommandResult
from aforo.engine.headend_ports import HeadEndPorts
from aforo.engine.ports import StaleOrder
from aforo.engine.service_desk import ServiceDesk
from aforo.flow import step7_collect_result as step7
from aforo.flow.decision import Decision
from aforo.flow.proof_of_effect import is_proof, not_to_be_read_yet
from aforo.flow.step2_route_to_headend import route_to_headend
from aforo.flow.step3_validate_meter import validate_meter
from aforo.flow.step4_dispatch_to_concentrator import dispatch, expire, obstacle_now
from aforo.flow.step7_collect_result import Collected
from aforo.flow.waiting_order import end_with_its_limit, supersede

DECISIONS_MAX = 5
"""Attempts to decide about one order while others change it too."""


SOURCES_MAX = 64
"""Whose turn it was is remembered of so many at a time."""


class Claim(Struct, frozen=True):
    """An order that may go out now, as it will stand when its dispatch is committed.

    window_end: when the service window closes on it; None: it may run at any time.
    """

    order: Order
    meter: Meter
    window_end: datetime | None = None

    def latest_start(self, ahead: timedelta = timedelta(0)) -> datetime | None:
        """Its command must not begin later. ahead: of the clock that decides, so that the window is kept in true time;
        a not-after is the customer's own, and counts by that clock as it is.
        """
        if self.order.state.is_only_read:
            return None
        window_end = None if self.window_end is None else self.window_end + ahead
        bounds = (self.order.request.latest_start, window_end)
        return min((bound for bound in bounds if bound is not None), default=None)


class LaneOrders:
    """The orders of one lane."""

    def __init__(self, lane: str, ports: HeadEndPorts) -> None:
        self.lane = lane
        self._book = ports.book
        self._registry = ports.registry
        self._ledger = ports.ledger
        self._clock = ports.clock
        self._plan = ports.settings.plan
        self._served: dict[Source, None] = {}
        self.may_have_more = False
        settings = ports.settings
        self._desk = ServiceDesk(settings.calendar, ports.book.store, settings.model, deadlines=settings.deadlines)

    async def claim(self, limit: int) -> list[Claim]:
        """Due orders that nothing stands against, highest priority first; the others are decided on the way.

        Afterwards `may_have_more` tells whether another claim could find some that are due already.
        """
        self.may_have_more = False
        orders = await self._book.store.due(self.lane, self._clock.now(), limit, tuple(self._served))
        if not orders:
            return []
        for order in orders:
            self._served.pop(order.request.source, None)
            self._served[order.request.source] = None
        while len(self._served) > SOURCES_MAX:
            self._served.pop(next(iter(self._served)))
        meters = await self._registry.meters({order.request.meter for order in orders})
        overtaken = await self._book.store.overtaken(orders)
        claims = []
        for order in orders:
            with suppress(StaleOrder):  # decided by somebody else meanwhile: it comes again when it is still due
                by = None if order.state is OrderState.RECONCILING else overtaken.get(order.id)
                if by is not None:
                    is_over = order.state is OrderState.UNCONFIRMED
                    give_up = step7.overtaken if is_over else supersede
                    await self._book.commit(give_up(order, by, self._clock.now()))
                    continue
                if await self._awaits_its_limit(order):
                    continue
                ready = await self._prepare(order, meters.get(order.request.meter))
                if ready is not None:
                    claims.append(ready)
        self.may_have_more = len(orders) == limit or len(claims) < len(orders)
        return claims

    async def _awaits_its_limit(self, order: Order) -> bool:
        """Of an order that was made with a limit's: it has nothing to do, or not yet."""
        if order.companion_of is None or order.state is not OrderState.HELD:
            return False
        limiting = await self.order(order.companion_of)
        assert limiting is not None, "an order is never deleted"
        if not is_proof(order):
            return await self._has_no_limit_to_end(order, limiting)
        in_force_w = await self._book.store.known_limit(order.request.meter)
        waits = not_to_be_read_yet(order, limiting, in_force_w, self._clock.now())
        if waits is not None:
            await self._book.commit(waits)
        return waits is not None

    async def _has_no_limit_to_end(self, order: Order, limiting: Order) -> bool:
        """The order was to end a temporary limit that was not set, and now is not set any more: both end here."""
        now = self._clock.now()
        if limiting.state in UNSENT:
            limiting = await self._book.commit(expire(limiting, limiting.request.until or now, now))
        if limiting.state not in NEVER_CARRIED_OUT:
            return False
        await self._book.commit(end_with_its_limit(order, limiting, now))
        return True

    async def _prepare(self, order: Order, meter: Meter | None) -> Claim | None:
        """Steps 3 and 4 as far as they need no concentrator. None: it does not go out now."""
        now = self._clock.now()
        known = await self._desk.circumstances(order.request, meter)
        if not order.state.is_only_read and (
            order.state is not OrderState.VALIDATED or lasting_obstacle(order.request, meter) is not None
        ):
            order = await self._book.commit(validate_meter(order, meter, now, known))
            if order.state is not OrderState.VALIDATED:
                return None
        if meter is None or not is_linked(meter):  # its command is out, and nobody is left who could be asked
            cause = Cause.NOT_REGISTERED if meter is None else Cause.NOT_LINKED
            await self.not_sent(order, cause, "the registry changed while the command was out")
            return None
        if meter.lane != self.lane:
            await self._book.commit(route_to_headend(order, meter, now))
            return None
        obstacle = obstacle_now(order, meter, now, known)
        if obstacle is not None:
            await self._book.commit(obstacle)
            return None
        closes = None if order.state.is_only_read else window_end(order.request, meter, now, known)
        return Claim(order, meter, closes)

    async def hand_out(self, claim: Claim, epoch: Epoch) -> Order | None:
        """Step 4, durable before anything is sent. None: somebody else has decided about the order since the claim.

        Raises LeaseLost when a later session of the lane has begun: a process that was frozen sends nothing more.
        """
        fence = await self._ledger.next_fence(self.lane, epoch)
        now = self._clock.now()
        try:
            return await self._book.commit(dispatch(claim.order, claim.meter, fence=fence, epoch=epoch, now=now))
        except StaleOrder:
            return None

    async def not_sent(self, order: Order, cause: Cause, detail: str) -> None:
        """Unless somebody else has decided about it meanwhile: then it comes again when it is still due."""
        with suppress(StaleOrder):
            await self._book.commit(step7.not_sent(order, cause, detail, self._clock.now(), self._plan))

    async def collect(self, order: Order, meter: Meter, result: CommandResult, fence: Fence) -> Order | None:
        """Step 7. None: the result belongs to a visit that no longer matters."""

        def decide(current: Order) -> Decision | None:
            if not step7.belongs(current, fence):
                return None
            return step7.collect(current, meter, Collected(result, self._clock.now(), fence), self._plan)

        return await self.decide(order, decide)

    async def decide(self, order: Order, decision_on: Callable[[Order], Decision | None]) -> Order | None:
        """Commit what is decided about the order as it now stands; once more when it was changed meanwhile."""
        for _ in range(DECISIONS_MAX):
            decision = decision_on(order)
            if decision is None:
                return None
            try:
                return await self._book.commit(decision)
            except StaleOrder:
                current = await self._book.store.order(order.id)
                assert current is not None, "an order is never deleted"
                order = current
        raise StaleOrder(f"order {order.number} was changed {DECISIONS_MAX} times while it was decided about")

    async def resume(self) -> None:
        """The concentrator is there: what waited for that alone is due now."""
        await self._book.store.resume(self.lane, self._clock.now())

    async def in_flight(self) -> list[Order]:
        return await self._book.store.in_flight(self.lane)

    async def order(self, order_id: OrderId) -> Order | None:
        return await self._book.store.order(order_id)

    async def meter(self, number: MeterNumber) -> Meter | None:
        return (await self._registry.meters([number])).get(number)

    async def lose(self, detail: str) -> None:
        """The line is gone, or was when this process began: what is out may have reached its meter."""
        for order in await self.in_flight():
            await self.lose_one(order, detail)

    async def lose_one(self, order: Order, detail: str) -> None:
        def decide(current: Order) -> Decision | None:
            if not current.state.may_have_left or current.next_at is not None:
                return None
            return step7.link_lost(current, detail, self._clock.now(), self._plan)

        await self.decide(order, decide)

    async def settle(self, order: Order, *, still_there: bool) -> Order | None:
        """What the concentrator tells of an order that is out. None: it no longer is."""

        def decide(current: Order) -> Decision | None:
            if not current.state.may_have_left:
                return None
            now = self._clock.now()
            return step7.still_out(current, now) if still_there else step7.never_arrived(current, now, self._plan)

        return await self.decide(order, decide)
