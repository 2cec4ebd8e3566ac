"""What the engine needs of the world. Each has a PostgreSQL or network form in `adapters`, and a twin in `memory`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct

from aforo.dlms.counters import CounterRange
from aforo.dlms.keys import Key
from aforo.domain.audit import ChainedFact, Seal
from aforo.domain.delivery import Delivery, NumberedResult, ResultMessage
from aforo.domain.devices import Address, Concentrator, Meter
from aforo.domain.identifiers import ConcentratorNumber, Epoch, Fence, MeterNumber, OrderId, OrderNumber, Source
from aforo.domain.order import Fact, Order
from aforo.domain.order_filter import EVERY_ORDER, OrderFilter
from aforo.flow.decision import Decision


class StaleOrder(Exception):
    """The order was changed by another decision since it was loaded; load it again and decide anew."""


class StoreUnavailable(Exception):
    """The database cannot be reached now; nothing of the call was kept, or it is not known whether it was."""


class LineUnavailable(Exception):
    """No connection to the device, or it was lost. The text says why, for the trace."""


class LineSilent(Exception):
    """Connected, but nothing came within the wait."""


CORRELATED_MAX = 500


class OrderStore(Protocol):
    """Orders, their facts and their results. Calls made at the same time may share one transaction (group commit)."""

    async def new_order_id(self) -> OrderId:
        """Higher than every one given before, to whatever process: a later order of a meter overtakes an earlier one.

        A crash may leave gaps.
        """
        ...

    async def receive(
        self, decision: Decision, result: ResultMessage | None, companions: Sequence[Decision] = ()
    ) -> Order:
        """Insert a new order with its facts, and its result when it has already ended; its companions too, or none.

        The order as stored: with version 1, or the earlier one under the same source and number; then nothing is
        written, and the caller compares the digests.
        """
        ...

    async def commit(self, decision: Decision, result: ResultMessage | None = None) -> Order:
        """Order, facts and result in one transaction; the order comes back with its new version.

        Raises StaleOrder, also when it would be the second order of its meter that is out: then nothing is written.
        """
        ...

    async def order(self, order_id: OrderId) -> Order | None: ...

    async def find(self, source: Source, number: OrderNumber) -> Order | None: ...

    async def find_number(self, number: OrderNumber) -> list[Order]:
        """Orders of any source under this number, the newest first."""
        ...

    async def numbers_of_message(self, source: Source, message_id: str) -> list[OrderNumber]:
        """Of the orders that came with a source's message, companions left out, CORRELATED_MAX at most."""
        ...

    async def find_correlated(self, source: Source, correlation_id: str) -> list[Order]:
        """Orders of a source by the correlation id of their message, or its message id where it had none.

        The oldest first, companions left out, CORRELATED_MAX at most.
        """
        ...

    async def latest(
        self, limit: int, *, before: OrderId | None = None, sought: OrderFilter = EVERY_ORDER
    ) -> list[Order]:
        """The newest first."""
        ...

    async def facts(self, order_id: OrderId) -> list[Fact]:
        """In the order in which they were committed."""
        ...

    async def due(self, lane: str, now: datetime, limit: int, served: Sequence[Source] = ()) -> list[Order]:
        """Waiting orders of a lane whose next_at has come: most urgent first, then sources in turns; see `in_turns`.

        At most one per meter, and none for a meter of which another order is out (dispatched, in_progress,
        reconciling). States: received, held, validated, reconciling, UNCONFIRMED.
        """
        ...

    async def overtaken(self, orders: Sequence[Order]) -> dict[OrderId, OrderNumber]:
        """Of these orders those that a later one of their meter has overtaken, and the number of the latest such.

        Later: received after it, setting the same of the meter, and open or carried out; an unconfirmed one is only
        overtaken by what may have changed its meter.
        """
        ...

    async def older_unsent(self, order: Order) -> list[Order]:
        """Orders that set the same of the same meter, were received before, and have never been sent."""
        ...

    async def known_limit(self, meter: MeterNumber) -> int | None:
        """The limit, in watts, of the latest verified order of the meter; None when there is none.

        Verified means read back, so this is the last value that the meter itself told after a change.
        """
        ...

    async def resume(self, lane: str, now: datetime) -> int:
        """Validated orders of a lane that wait only because its concentrator was away are due now.

        How many there were.
        """
        ...

    async def lanes_due(self, now: datetime) -> list[str]:
        """Lanes for which `due` would give something."""
        ...

    async def next_due(self, after: datetime) -> datetime | None:
        """The earliest next_at of all waiting orders that lies after this moment; None when there is none."""
        ...

    async def alarms_due(self, now: datetime, limit: int) -> list[Order]:
        """Orders that have not ended and whose alarm_at has come, the earliest first."""
        ...

    async def next_alarm(self, after: datetime) -> datetime | None:
        """The earliest alarm_at of orders that have not ended that lies after this moment."""
        ...

    async def in_flight(self, lane: str) -> list[Order]:
        """Orders that are out: dispatched, in_progress or reconciling, whatever their next_at."""
        ...

    async def lanes_in_flight(self) -> list[str]: ...

    async def counts(self) -> Mapping[str, int]:
        """Orders by the value of their state."""
        ...


class DeliveryStore(Protocol):
    """Results on their way: outbox, queue, inbox of Integration, answers to Legacy."""

    async def outbox(self, limit: int) -> list[ResultMessage]:
        """Not yet published, the oldest first."""
        ...

    async def mark_published(self, facts: Mapping[str, tuple[OrderId, Fact]]) -> None:
        """By result id. Marking twice changes nothing."""
        ...

    async def results_since(self, serial: int, limit: int) -> list[NumberedResult]:
        """From this serial on, published or not, the oldest first.

        One that is committed late may have a lower serial than one that was told before.
        """
        ...

    async def republish(self, first: int, last: int) -> int:
        """Results from one serial to another go into the outbox again. How many there are."""
        ...

    async def put_in_inbox(self, messages: Sequence[ResultMessage], now: datetime) -> None:
        """Integration's side of the embedded queue: due at once. One that is already there is left as it is."""
        ...

    async def inbox_due(self, now: datetime, limit: int) -> list[Delivery]:
        """Received and not yet answered nor kept, whose next_at has come; the oldest first.

        Of each order only the first that is open: a correction waits until what it corrects has its answer.
        """
        ...

    async def next_answer_due(self, after: datetime) -> datetime | None:
        """The earliest next_at of deliveries that lies after this moment; None when there is none."""
        ...

    async def close_delivery(self, delivery: Delivery, fact: Fact | None) -> None:
        """Store the delivery as it now stands (answered, kept, due again later) with its fact, in one transaction."""
        ...

    async def deliveries(self, order_id: OrderId) -> list[Delivery]:
        """Every result of an order and where it stands, the oldest first."""
        ...


class AuditStore(Protocol):
    """Facts as hash chains, and the seals over them; see `aforo.domain.audit`."""

    async def seal(self, now: datetime, limit: int) -> Seal | None:
        """Set one seal over at most so many chains that have grown since the last. None: none has."""
        ...

    async def chained_facts(self, after: tuple[OrderId, int], limit: int) -> list[ChainedFact]:
        """Of all orders, by order id and place, from behind this one. Place 0: it was never put into the chain."""
        ...

    async def chain(self, order_id: OrderId) -> list[ChainedFact]: ...

    async def seals(self, after: int, limit: int) -> list[Seal]:
        """By number, from behind this one."""
        ...

    async def seal_of(self, order_id: OrderId) -> Seal | None:
        """The latest that covers the order; None when none does yet."""
        ...


class DeviceRegistry(Protocol):
    """Meters, concentrators and the links between them."""

    async def meters(self, numbers: Iterable[MeterNumber]) -> dict[MeterNumber, Meter]:
        """Those that are registered."""
        ...

    async def meters_at(self, usage_point: str) -> list[MeterNumber]:
        """Those registered at a usage point, in their order."""
        ...

    async def concentrator(self, number: ConcentratorNumber) -> Concentrator | None: ...

    async def list_meters(self, limit: int, *, after: MeterNumber | None = None) -> list[Meter]: ...

    async def list_concentrators(
        self, limit: int, *, after: ConcentratorNumber | None = None
    ) -> list[Concentrator]: ...

    async def note_heard(self, number: ConcentratorNumber, at: datetime) -> None:
        """The concentrator has answered. An earlier moment than the one on record changes nothing."""
        ...

    async def last_heard(self, number: ConcentratorNumber) -> datetime | None:
        """None: never, or it is not registered."""
        ...

    async def put_concentrators(self, concentrators: Sequence[Concentrator], now: datetime) -> None:
        """Insert or replace, all or none."""
        ...

    async def put_meters(self, meters: Sequence[Meter], now: datetime) -> None:
        """Insert or replace, all or none. A changed link closes the old one (valid_to) and opens a new one.

        A changed encryption key forgets the counter on record: a new one begins a new sequence. Raises
        UnknownConcentrator.
        """
        ...


class UnknownConcentrator(Exception):
    """A meter names a concentrator that is not registered."""


class SessionLedger(Protocol):
    """Numbers that only ever rise, each durable before it is used."""

    async def open_epoch(self, lane: str) -> Epoch:
        """One higher than the last for this lane."""
        ...

    async def next_fence(self, lane: str, epoch: Epoch) -> Fence:
        """Higher than every one before, for whatever meter. Raises LeaseLost: a later session of the lane has begun."""
        ...

    async def reserve_counters(self, device: str, count: int) -> CounterRange | None:
        """The next `count` invocation counters towards a device; None when none is on record for it.

        device: `meter:NUMBER` or `concentrator:NUMBER`. Durable when this returns.
        """
        ...

    async def raise_counter(self, device: str, expected: int, count: int) -> CounterRange:
        """The same, from `expected` on or from the one on record, whichever is higher. Never lowers."""
        ...

    async def counter_on_record(self, device: str) -> int | None:
        """The next one that would be reserved."""
        ...


class LeaseLost(Exception):
    """What was held may be another process's by now: whoever works under it stops."""


class Standing(Struct, frozen=True):
    """Of a process among the others. others: how many more there are.   orphans: names whose holder is gone."""

    others: int
    orphans: tuple[str, ...]


class Leases(Protocol):
    """What only one process holds at a time, by name. All calls but `leave` raise StoreUnavailable.

    is_shared: False when there can be no other process.
    """

    is_shared: bool

    async def join(self, lease: timedelta) -> None:
        """As a new process, which holds nothing. lease: for so long, by the store's clock, unless renewed."""
        ...

    async def renew(self, lease: timedelta) -> Standing | None:
        """None: not joined, or lapsed. Then nothing is held any more."""
        ...

    async def take(self, name: str) -> bool:
        """False: another process that is there holds it."""
        ...

    async def let_go(self, name: str) -> None: ...

    async def leave(self) -> None: ...


class Bell(Protocol):
    """Between processes: something is to be looked at. A ring may be lost while the database is away, never else."""

    def ring(self, subject: str) -> None: ...

    def listen(self, listener: Callable[[str], None]) -> None:
        """listener: called with the subject whenever any process has rung, this one too."""
        ...


class KeyVault(Protocol):
    """Keys wrapped under the key-encryption key (AES key wrap, RFC 3394): equal keys give equal wrapped ones."""

    def wrap(self, key: Key) -> bytes: ...

    def unwrap(self, wrapped: bytes) -> Key:
        """Raises KeyVaultMismatch."""
        ...


class KeyVaultMismatch(Exception):
    """Wrapped under another key-encryption key, or damaged."""


class Clock(Protocol):
    def now(self) -> datetime:
        """In UTC."""
        ...


class Entropy(Protocol):
    def octets(self, count: int) -> bytes: ...

    def uuid(self) -> str: ...


class Frame(Protocol):
    """One APDU as it came over a line. meter: from the gateway prefix, empty without one."""

    @property
    def client_sap(self) -> int: ...

    @property
    def server_sap(self) -> int: ...

    @property
    def meter(self) -> str: ...

    @property
    def apdu(self) -> bytes: ...


class Line(Protocol):
    """One connection to a DLMS port. Both calls raise LineUnavailable when it is lost."""

    async def send(self, apdu: bytes, *, client_sap: int, server_sap: int, meter: str = "") -> None:
        """meter: sent through the gateway to this one, outside the ciphering."""
        ...

    async def receive(self, wait_s: float) -> Frame:
        """The next one, in the order in which they came. Raises LineSilent, RemoteProtocolError."""
        ...

    async def close(self) -> None: ...


class Lines(Protocol):
    async def open(self, address: Address) -> Line:
        """Raises LineUnavailable."""
        ...
