"""In-memory twins of the ports, for tests and the simulator: they pass the same contract tests. Nothing is durable."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import shake_256
from itertools import islice

from msgspec.structs import replace

from aforo.dlms.counters import COUNTER_MAX, CounterRange, CountersExhausted
from aforo.domain.causes import Cause
from aforo.domain.delivery import Delivery, DeliveryState, NumberedResult, ResultMessage
from aforo.domain.devices import Concentrator, DeviceSecurity, Meter
from aforo.domain.identifiers import ConcentratorNumber, Epoch, Fence, MeterNumber, OrderId, OrderNumber, Source
from aforo.domain.order import Fact, Order, in_turns, overtakes, rank
from aforo.domain.order_filter import EVERY_ORDER, OrderFilter
from aforo.domain.order_kinds import Aspect
from aforo.domain.order_states import IN_FLIGHT, UNSENT, OrderState
from aforo.engine.ports import CORRELATED_MAX, LeaseLost, StaleOrder, UnknownConcentrator
from aforo.flow.decision import Decision

WAITING = frozenset(
    {OrderState.RECEIVED, OrderState.HELD, OrderState.VALIDATED, OrderState.RECONCILING, OrderState.UNCONFIRMED}
)


class MemoryOrderStore:
    """See `aforo.engine.ports.OrderStore`. facts: what every order's path has left, shared with the deliveries."""

    def __init__(self) -> None:
        self.facts_of: dict[OrderId, list[Fact]] = {}
        self.results: dict[str, ResultMessage] = {}
        self._orders: dict[OrderId, Order] = {}
        self._open: dict[OrderId, Order] = {}
        self._of_meter: dict[MeterNumber, list[OrderId]] = {}
        self._numbers: dict[tuple[Source, OrderNumber], OrderId] = {}
        self._of_message: dict[tuple[Source, str], list[OrderId]] = {}
        self._last_id = 0

    async def new_order_id(self) -> OrderId:
        self._last_id += 1
        return OrderId(self._last_id)

    async def receive(
        self, decision: Decision, result: ResultMessage | None, companions: Sequence[Decision] = ()
    ) -> Order:
        order = decision.order
        known = self._numbers.get((order.request.source, order.request.number))
        if known is not None:
            return self._orders[known]
        assert order.id not in self._orders, "an order's id is given once"
        stored = self._keep(replace(order, version=1), decision, result)
        self._numbers[order.request.source, order.request.number] = order.id
        self._of_message.setdefault((order.request.source, order.request.message_id), []).append(order.id)
        for companion in companions:
            await self.receive(companion, None)
        return stored

    def all(self) -> list[Order]:
        return list(self._orders.values())

    async def commit(self, decision: Decision, result: ResultMessage | None = None) -> Order:
        order = decision.order
        if self._orders[order.id].version != order.version:
            raise StaleOrder(f"order {order.number} is no longer of version {order.version}")
        return self._keep(replace(order, version=order.version + 1), decision, result)

    def _keep(self, order: Order, decision: Decision, result: ResultMessage | None) -> Order:
        if order.state.may_have_left and self.others_out(order):
            raise StaleOrder(f"another order of meter {order.request.meter} is out")
        if order.id not in self._orders:
            self._of_meter.setdefault(order.request.meter, []).append(order.id)
        self._put(order)
        self.facts_of.setdefault(order.id, []).extend(decision.facts)
        if result is not None:
            self.results.setdefault(result.id, result)
        return order

    def _put(self, order: Order) -> None:
        """Open: it has not ended, or its truth is still sought."""
        self._orders[order.id] = order
        if order.state.is_end and order.next_at is None:
            self._open.pop(order.id, None)
        else:
            self._open[order.id] = order

    def _at_meter(self, meter: MeterNumber) -> list[Order]:
        """The oldest first."""
        return [self._orders[one] for one in sorted(self._of_meter.get(meter, ()))]

    def others_out(self, order: Order) -> list[Order]:
        """Other orders of its meter that are out: the store's unique index keeps it to none."""
        return [
            other for other in self._at_meter(order.request.meter) if other.state in IN_FLIGHT and other.id != order.id
        ]

    async def order(self, order_id: OrderId) -> Order | None:
        return self._orders.get(order_id)

    async def find(self, source: Source, number: OrderNumber) -> Order | None:
        known = self._numbers.get((source, number))
        return None if known is None else self._orders[known]

    async def find_number(self, number: OrderNumber) -> list[Order]:
        return [order for order in self._newest_first() if order.number == number]

    async def numbers_of_message(self, source: Source, message_id: str) -> list[OrderNumber]:
        found = self._of_message.get((source, message_id), [])
        return [self._orders[one].number for one in found if self._orders[one].companion_of is None][:CORRELATED_MAX]

    async def find_correlated(self, source: Source, correlation_id: str) -> list[Order]:
        found = (
            order
            for order in self._orders.values()
            if order.request.source == source and order.companion_of is None
            if (order.request.correlation_id or order.request.message_id) == correlation_id
        )
        return list(islice(found, CORRELATED_MAX))

    async def latest(
        self, limit: int, *, before: OrderId | None = None, sought: OrderFilter = EVERY_ORDER
    ) -> list[Order]:
        found = (order for order in self._newest_first() if before is None or order.id < before)
        return list(islice(filter(sought.fits, found), limit))

    async def facts(self, order_id: OrderId) -> list[Fact]:
        return list(self.facts_of.get(order_id, []))

    async def due(self, lane: str, now: datetime, limit: int, served: Sequence[Source] = ()) -> list[Order]:
        first: dict[MeterNumber, Order] = {}
        for order in sorted(self._due(now), key=lambda one: rank(one, now)):
            if order.lane == lane:
                first.setdefault(order.request.meter, order)
        return in_turns(first.values(), now, served)[:limit]

    async def overtaken(self, orders: Sequence[Order]) -> dict[OrderId, OrderNumber]:
        found: dict[OrderId, OrderNumber] = {}
        for order in orders:
            for later in self._at_meter(order.request.meter):
                if later.id > order.id and overtakes(later, order):
                    found[order.id] = later.number
        return found

    async def older_unsent(self, order: Order) -> list[Order]:
        older = (one for one in self._at_meter(order.request.meter) if one.id < order.id)
        return [one for one in older if one.kind.sets is order.kind.sets and one.state in UNSENT]

    async def known_limit(self, meter: MeterNumber) -> int | None:
        return self.limit_in_force(meter)

    def limit_in_force(self, meter: MeterNumber) -> int | None:
        for order in reversed(self._at_meter(meter)):
            if order.kind.sets is Aspect.LIMIT and order.state is OrderState.VERIFIED:
                return order.limit_w
        return None

    async def resume(self, lane: str, now: datetime) -> int:
        waiting = [
            order
            for order in self._open.values()
            if (order.lane, order.state, order.cause) == (lane, OrderState.VALIDATED, Cause.CONCENTRATOR_UNREACHABLE)
            and order.next_at is not None
            and order.next_at > now
        ]
        for order in waiting:
            self._put(replace(order, next_at=now, version=order.version + 1))
        return len(waiting)

    async def lanes_due(self, now: datetime) -> list[str]:
        return sorted({order.lane for order in self._due(now) if order.lane})

    async def next_due(self, after: datetime) -> datetime | None:
        moments = (one.next_at for one in self._open.values() if one.state in WAITING and one.next_at is not None)
        return min((moment for moment in moments if moment > after), default=None)

    async def alarms_due(self, now: datetime, limit: int) -> list[Order]:
        due = ((one.alarm_at, one.id, one) for one in self._open.values() if one.alarm_at and not one.state.is_end)
        return [order for at, _, order in sorted(due) if at <= now][:limit]

    async def next_alarm(self, after: datetime) -> datetime | None:
        moments = (one.alarm_at for one in self._open.values() if one.alarm_at and not one.state.is_end)
        return min((moment for moment in moments if moment > after), default=None)

    async def in_flight(self, lane: str) -> list[Order]:
        return sorted((order for order in self._out() if order.lane == lane), key=lambda order: order.id)

    async def lanes_in_flight(self) -> list[str]:
        return sorted({order.lane for order in self._out()})

    async def counts(self) -> Mapping[str, int]:
        counts: dict[str, int] = {}
        for order in self._orders.values():
            counts[order.state.value] = counts.get(order.state.value, 0) + 1
        return counts

    def _out(self) -> list[Order]:
        return [order for order in self._open.values() if order.state in IN_FLIGHT]

    def _due(self, now: datetime) -> list[Order]:
        """Waiting, and no other order of the meter is out."""
        out = {order.request.meter: order.id for order in self._out()}
        return [
            order
            for order in self._open.values()
            if order.state in WAITING
            and order.next_at is not None
            and order.next_at <= now
            and out.get(order.request.meter, order.id) == order.id
        ]

    def _newest_first(self) -> list[Order]:
        return sorted(self._orders.values(), key=lambda order: -order.id)


class MemoryDeliveryStore:
    """See `aforo.engine.ports.DeliveryStore`."""

    def __init__(self, orders: MemoryOrderStore) -> None:
        self._orders = orders
        self._published: set[str] = set()
        self._inbox: dict[str, Delivery] = {}

    async def outbox(self, limit: int) -> list[ResultMessage]:
        return [one for one in self._orders.results.values() if one.id not in self._published][:limit]

    async def mark_published(self, facts: Mapping[str, tuple[OrderId, Fact]]) -> None:
        for result, (order_id, fact) in facts.items():
            if result in self._orders.results and result not in self._published:
                self._published.add(result)
                self._orders.facts_of[order_id].append(fact)

    async def results_since(self, serial: int, limit: int) -> list[NumberedResult]:
        numbered = (NumberedResult(place, one) for place, one in enumerate(self._orders.results.values(), 1))
        return list(islice((one for one in numbered if one.serial >= serial), limit))

    async def republish(self, first: int, last: int) -> int:
        again = [one.message.id for one in await self.results_since(first, last) if one.serial <= last]
        self._published.difference_update(again)
        return len(again)

    async def put_in_inbox(self, messages: Sequence[ResultMessage], now: datetime) -> None:
        for message in messages:
            delivery = Delivery(message=message, state=DeliveryState.PUBLISHED, next_at=now)
            self._inbox.setdefault(message.id, delivery)

    async def inbox_due(self, now: datetime, limit: int) -> list[Delivery]:
        first: dict[OrderId, Delivery] = {}
        for one in sorted(self._inbox.values(), key=lambda one: one.message.id):
            if one.next_at is not None:
                first.setdefault(one.message.order_id, one)
        due = [one for one in first.values() if one.next_at is not None and one.next_at <= now]
        return sorted(due, key=lambda one: (one.next_at or now, one.message.id))[:limit]

    async def next_answer_due(self, after: datetime) -> datetime | None:
        moments = (one.next_at for one in self._inbox.values())
        return min((moment for moment in moments if moment is not None and moment > after), default=None)

    async def close_delivery(self, delivery: Delivery, fact: Fact | None) -> None:
        self._inbox[delivery.message.id] = delivery
        if fact is not None:
            self._orders.facts_of[delivery.message.order_id].append(fact)

    def pending(self) -> tuple[int, int]:
        """Results not yet published, and those not yet answered."""
        unanswered = sum(delivery.next_at is not None for delivery in self._inbox.values())
        return len(self._orders.results) - len(self._published), unanswered

    async def deliveries(self, order_id: OrderId) -> list[Delivery]:
        return [self._delivery(one) for one in self._orders.results.values() if one.order_id == order_id]

    def _delivery(self, message: ResultMessage) -> Delivery:
        if message.id in self._inbox:
            return self._inbox[message.id]
        state = DeliveryState.PUBLISHED if message.id in self._published else DeliveryState.OUTBOX
        return Delivery(message=message, state=state)


class MemorySessionLedger:
    """See `aforo.engine.ports.SessionLedger`."""

    def __init__(self) -> None:
        self._epochs: dict[str, int] = {}
        self._fence = 0
        self._counters: dict[str, int] = {}

    async def open_epoch(self, lane: str) -> Epoch:
        self._epochs[lane] = self._epochs.get(lane, 0) + 1
        return Epoch(self._epochs[lane])

    async def next_fence(self, lane: str, epoch: Epoch) -> Fence:
        if self._epochs.get(lane) != epoch:
            raise LeaseLost(f"a later session of {lane} has begun")
        self._fence += 1
        return Fence(self._fence)

    async def reserve_counters(self, device: str, count: int) -> CounterRange | None:
        return self._reserve(device, self._counters[device], count) if device in self._counters else None

    async def raise_counter(self, device: str, expected: int, count: int) -> CounterRange:
        return self._reserve(device, max(expected, self._counters.get(device, 0)), count)

    async def counter_on_record(self, device: str) -> int | None:
        return self._counters.get(device)

    def forget(self, device: str) -> None:
        self._counters.pop(device, None)

    def _reserve(self, device: str, first: int, count: int) -> CounterRange:
        if first + count > COUNTER_MAX + 1:
            raise CountersExhausted(f"no invocation counters are left up to {COUNTER_MAX}: new keys")
        self._counters[device] = first + count
        return CounterRange(first, first + count - 1)


class MemoryDeviceRegistry:
    """See `aforo.engine.ports.DeviceRegistry`. ledger: whose counters are forgotten when keys change."""

    def __init__(self, ledger: MemorySessionLedger) -> None:
        self._ledger = ledger
        self._meters: dict[MeterNumber, Meter] = {}
        self._concentrators: dict[ConcentratorNumber, Concentrator] = {}
        self._heard: dict[ConcentratorNumber, datetime] = {}

    async def meters(self, numbers: Iterable[MeterNumber]) -> dict[MeterNumber, Meter]:
        return {number: self._meters[number] for number in numbers if number in self._meters}

    async def meters_at(self, usage_point: str) -> list[MeterNumber]:
        return sorted(meter.number for meter in self._meters.values() if meter.usage_point == usage_point)

    async def concentrator(self, number: ConcentratorNumber) -> Concentrator | None:
        return self._concentrators.get(number)

    async def list_meters(self, limit: int, *, after: MeterNumber | None = None) -> list[Meter]:
        numbers = sorted(number for number in self._meters if after is None or number > after)
        return [self._meters[number] for number in numbers[:limit]]

    async def note_heard(self, number: ConcentratorNumber, at: datetime) -> None:
        self._heard[number] = max(at, self._heard.get(number, at))

    async def last_heard(self, number: ConcentratorNumber) -> datetime | None:
        return self._heard.get(number)

    async def list_concentrators(self, limit: int, *, after: ConcentratorNumber | None = None) -> list[Concentrator]:
        numbers = sorted(number for number in self._concentrators if after is None or number > after)
        return [self._concentrators[number] for number in numbers[:limit]]

    async def put_concentrators(self, concentrators: Sequence[Concentrator], now: datetime) -> None:  # noqa: ARG002 (nothing here is dated)
        for one in concentrators:
            known = self._concentrators.get(one.number)
            self._forget_when_changed(f"concentrator:{one.number}", known, one.security)
            self._concentrators[one.number] = one

    async def put_meters(self, meters: Sequence[Meter], now: datetime) -> None:  # noqa: ARG002 (nothing here is dated)
        for one in meters:
            if one.concentrator is not None and one.concentrator not in self._concentrators:
                raise UnknownConcentrator(f"concentrator {one.concentrator} is not registered")
        for one in meters:
            known = self._meters.get(one.number)
            self._forget_when_changed(f"meter:{one.number}", known, one.security)
            self._meters[one.number] = one

    def _forget_when_changed(self, device: str, known: Concentrator | Meter | None, now: DeviceSecurity) -> None:
        if known is not None and known.security.encryption_key != now.encryption_key:
            self._ledger.forget(device)


class MemoryClock:
    """See `aforo.engine.ports.Clock`. It stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now += by


class MemoryEntropy:
    """See `aforo.engine.ports.Entropy`. The same seed gives the same octets: for anything but keys of real devices."""

    def __init__(self, seed: bytes = b"") -> None:
        self._seed = seed
        self._drawn = 0

    def octets(self, count: int) -> bytes:
        self._drawn += 1
        return shake_256(self._drawn.to_bytes(8, "big") + self._seed).digest(count)

    def uuid(self) -> str:
        """Version 4, variant 1 (RFC 9562, 5.4)."""
        digits = self.octets(16).hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
