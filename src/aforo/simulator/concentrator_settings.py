"""What a simulated concentrator is told once, and what it must not forget."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from random import Random
from typing import Protocol

from aforo.dclink.messages import ItemKind, ItemResult, OrderItem
from aforo.dlms.counters import COUNTER_MAX, CounterRange, CountersExhausted
from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.keys import Keys, SystemTitle
from aforo.domain.meter_models import GENERIC, MeterModel
from aforo.domain.quantities import PowerLimit
from aforo.flow.visit import MeterTask

FIRST_METER_SAP = 0x100
"""Of the meters as logical devices, in the order of their numbers; below are a device's own."""


class MeterPort(Protocol):
    """A meter on the line, as its COSEM server answers."""

    def respond(self, client_sap: int, server_sap: int, apdu: bytes, now: datetime) -> bytes | None:
        """The answer, or None: silence."""
        ...


class Unreachable(Enum):
    """What a head-end hears through the gateway of a meter that is unknown or silent."""

    EXCEPTION = "exception"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterAccess:
    """How the concentrator itself speaks to a meter of its table.

    keys: None when only the head-end has them (transparent).   title: None means that it is learnt from the meter.
    """

    keys: Keys | None = None
    title: SystemTitle | None = None
    client_sap: int = 1
    server_sap: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcentratorSettings:
    """name: logical device name, at most 16 octets.   title, keys: its own; keys are those shared with the head-end.

    client_title: the one head-end it obeys; None means any that has the keys.   access: the table at the first start.
    line_delay: from the beginning of an exchange with a meter to its answer.   exchange_time: the same where it is not
    always alike, with that meter at that time; None is line_delay.   answer_wait: until silence is certain.
    probe_every: an unreachable meter is called this often, one after the other, while there is nothing else to do.
    counter_jump_max: how far a meter may raise a counter by itself.   queue_max: orders not yet begun.
    results_max: results not yet acknowledged; no order is taken beyond that.
    """

    name: str
    title: SystemTitle
    keys: Keys
    client_sap: int = 1
    client_title: SystemTitle | None = None
    access: Mapping[str, MeterAccess] = field(default_factory=dict)
    models: Mapping[str, MeterModel] = field(
        default_factory=lambda: {GENERIC: MeterModel(name=GENERIC, title="Generic class 71 meter")}
    )
    line_delay: timedelta = timedelta(0)
    exchange_time: Callable[[Random, str, datetime], timedelta] | None = None
    probe_every: timedelta = timedelta(seconds=30)
    answer_wait: timedelta = timedelta(seconds=10)
    unreachable: Unreachable = Unreachable.EXCEPTION
    counter_jump_max: int = 1_000_000
    queue_max: int = 2_000
    results_max: int = 10_000
    relays_max: int = 64
    max_pdu: int = 16_384
    firmware: str = "aforo-sim 1"

    def __post_init__(self) -> None:
        if not self.name.isascii() or not 1 <= len(self.name) <= 16:
            raise LocalProtocolError(f"a logical device name has 1 to 16 ASCII characters, not {self.name!r}")

    def logical_devices(self) -> dict[int, str]:
        """Meters by the service access point under which each is a logical device of this concentrator's own port."""
        return dict(enumerate(sorted(self.access), FIRST_METER_SAP))

    def answered_after(self, meter: str, now: datetime, chance: Random) -> timedelta:
        return self.line_delay if self.exchange_time is None else self.exchange_time(chance, meter, now)

    def model(self, name: str) -> MeterModel | None:
        """An order without a model means the generic one. None: not known here."""
        return self.models.get(name or GENERIC)


@dataclass(slots=True)
class TableEntry:
    """One meter of the internal table; reachable until it has been silent."""

    access: MeterAccess
    reachable: bool = True
    last_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class LastOrder:
    """The order with the highest fence that was taken for a meter."""

    order_id: int
    fence: int
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """place: rises with every order taken, so that equals keep their order."""

    item: OrderItem
    place: int


@dataclass(slots=True)
class Begun:
    """The order being carried out, and how far it has come."""

    item: OrderItem
    task: MeterTask

    @classmethod
    def of(cls, item: OrderItem, clock_offset: timedelta) -> "Begun":
        """Its not-after is kept to by the concentrator's own clock."""
        limit = PowerLimit(item.limit_w) if item.kind is ItemKind.LIMIT else None
        begun = cls(item, MeterTask(item.kind.name, limit, item.until, is_urgent=item.priority > 0))
        begun.keep_to(clock_offset)
        return begun

    def keep_to(self, clock_offset: timedelta) -> None:
        latest = self.item.not_after
        self.task.not_after = None if latest is None else latest - clock_offset


@dataclass(slots=True, kw_only=True)
class ConcentratorMemory:
    """Everything that survives a restart; written before what it speaks of is done.

    epoch: of the latest session.   last, waiting: by meter number.   results: by result_id, in rising order.
    meter_counters: next invocation counter towards a meter, by its number.   own_counter: the next towards head-ends.
    client_counter: highest one accepted from a head-end, -1 before the first.
    """

    table: dict[str, TableEntry] = field(default_factory=dict)
    epoch: int = 0
    last: dict[str, LastOrder] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    begun: Begun | None = None
    results: dict[int, ItemResult] = field(default_factory=dict)
    next_result: int = 1
    next_place: int = 1
    meter_counters: dict[str, int] = field(default_factory=dict)
    own_counter: int = 1
    client_counter: int = -1


class MeterCounters(CounterRange):
    """Counters towards one meter, each written to the memory before it is used: two holders never take the same."""

    __slots__ = ("_counters", "_meter")

    def __init__(self, memory: ConcentratorMemory, meter: str) -> None:
        super().__init__(min(memory.meter_counters[meter], COUNTER_MAX), COUNTER_MAX)
        self._counters = memory.meter_counters
        self._meter = meter

    @property
    def remaining(self) -> int:
        return COUNTER_MAX + 1 - self._counters[self._meter]

    def take(self) -> int:
        value = self._counters[self._meter]
        if value > COUNTER_MAX:
            raise CountersExhausted(f"the invocation counters towards meter {self._meter} are used up")
        self._counters[self._meter] = value + 1
        return value


class OwnCounters(CounterRange):
    """The same towards head-ends: all associations share one sequence, since they share the key."""

    __slots__ = ("_memory",)

    def __init__(self, memory: ConcentratorMemory) -> None:
        super().__init__(min(memory.own_counter, COUNTER_MAX), COUNTER_MAX)
        self._memory = memory

    @property
    def remaining(self) -> int:
        return COUNTER_MAX + 1 - self._memory.own_counter

    def take(self) -> int:
        value = self._memory.own_counter
        if value > COUNTER_MAX:
            raise CountersExhausted("the concentrator's invocation counters are used up")
        self._memory.own_counter = value + 1
        return value
