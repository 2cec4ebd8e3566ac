"""What a simulated meter is told once, and what it must not forget."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from hashlib import sha256

from aforo.dlms.cosem.disconnect_control import CONTROL_MODES, ControlState
from aforo.dlms.cosem.limiter import LimiterState
from aforo.dlms.counters import COUNTER_MAX, CounterRange, CountersExhausted
from aforo.dlms.events import DataAccess
from aforo.dlms.keys import Keys, SystemTitle
from aforo.domain.meter_models import GENERIC
from aforo.domain.quantities import PowerLimit, watts_of
from aforo.simulator.limiter_behaviour import LimiterBehaviour

EVENTS_MAX = 64
"""A meter keeps its latest events."""

TRIPS_KEPT = 16
QUARTERS_KEPT = 4 * 24 * 8
"""Rows of the load profile: eight days."""

RAW_MAX = 0xFFFF_FFFF
"""Power and thresholds are double-long-unsigned."""


THRESHOLD_REGISTERS_MAX = 6


@dataclass(frozen=True, slots=True)
class Customer:
    """After a trip the customer switches things off and closes the breaker by hand.

    keeps_w: what is drawn at most from then on, until another limit is in force.
    """

    recloses_after: timedelta
    keeps_w: int

    def __post_init__(self) -> None:
        if self.recloses_after < timedelta(seconds=1):
            raise ValueError("a customer needs at least a second to reach the breaker")


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSettings:
    """title, keys: the meter's own; the keys are those shared with whoever reads it.   client_title: None means any.

    scaler: power and thresholds count in 10^scaler W.   max_power_w: the highest threshold taken.   limit_w: the
    threshold from the factory, None for max_power_w.   min_over_threshold_s, min_under_threshold_s: how long until the
    limiter opens, and closes again where the control_mode lets it.   clock_offset: how far the clock is ahead at
    first.   clock_drift_ppm: how much faster it runs, in millionths.   phases: 1 or 3, whose shares of the power follow
    from seed and number.
    threshold_registers: instead of a Limiter object so many Registers, of which rate 1 is in force.
    behaviour: of the limiter; None keeps to min_over_threshold_s, and closes again as the control_mode lets it.
    """

    number: str
    title: SystemTitle
    keys: Keys
    model: str = GENERIC
    scaler: int = 0
    max_power_w: int = 30_000
    limit_w: int | None = None
    emergency_limit_w: int | None = None
    min_over_threshold_s: int = 60
    min_under_threshold_s: int = 60
    control_mode: int = 2
    seed: int = 0
    clock_offset: timedelta = timedelta(0)
    clock_drift_ppm: float = 0.0
    phases: int = 1
    customer: Customer | None = None
    client_title: SystemTitle | None = None
    max_pdu: int = 1024
    threshold_registers: int = 0
    behaviour: LimiterBehaviour | None = None

    def __post_init__(self) -> None:
        if self.control_mode not in CONTROL_MODES:
            raise ValueError(f"control_mode is 0 to 6, not {self.control_mode}")
        if not -3 <= self.scaler <= 6:
            raise ValueError(f"scaler is a power of ten from -3 to 6, not {self.scaler}")
        if not min(self.min_over_threshold_s, self.min_under_threshold_s) >= 0:
            raise ValueError("a duration is not negative")
        if not 0 <= self.threshold_registers <= THRESHOLD_REGISTERS_MAX:
            raise ValueError(f"a meter has at most {THRESHOLD_REGISTERS_MAX} threshold registers")
        if self.phases not in (1, 3):
            raise ValueError(f"a meter has 1 or 3 phases, not {self.phases}")
        self.factory_limiter()

    @property
    def phase_shares(self) -> tuple[int, int, int]:
        """In thousandths of the power: between a quarter and nearly a half each."""
        drawn = sha256(f"{self.seed} phases {self.number}".encode()).digest()
        first, second = 250 + drawn[0] * 165 // 255, 250 + drawn[1] * 165 // 255
        return first, second, 1000 - first - second

    def raw(self, watts: int) -> int:
        """As the power register shows it: a part of its unit is cut off, and it stands still at its end."""
        raw = watts // int(10**self.scaler) if self.scaler >= 0 else watts * int(10**-self.scaler)
        return min(raw, RAW_MAX)

    def watts(self, raw: int) -> int:
        return int(watts_of(raw, self.scaler))

    def factory_limiter(self) -> LimiterState:
        """Raises LimitNotRepresentable, InvalidLimit."""
        normal = self.max_power_w if self.limit_w is None else self.limit_w
        emergency = normal if self.emergency_limit_w is None else self.emergency_limit_w
        return LimiterState(
            threshold_normal=PowerLimit(normal).scaled(self.scaler, highest=RAW_MAX),
            threshold_emergency=PowerLimit(emergency).scaled(self.scaler, highest=RAW_MAX),
            min_over_s=self.min_over_threshold_s,
            min_under_s=self.min_under_threshold_s,
        )


class EventCode(IntEnum):
    """What the event list tells. LIMIT_EXCEEDED: over the threshold for long, where the mode lets nothing open."""

    LIMIT_CHANGED = 1
    LIMIT_EXCEEDED = 2
    LIMIT_TRIP = 3
    LOCAL_RECONNECT = 4
    MANUAL_DISCONNECT = 5
    MANUAL_RECONNECT = 6
    REMOTE_DISCONNECT = 7
    REMOTE_RECONNECT = 8


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """at: by the true time, not by the meter's clock.   power_w: what was drawn just before.   threshold_w: active."""

    code: EventCode
    at: datetime
    power_w: int
    threshold_w: int


@dataclass(slots=True)
class DemandMemory:
    """begun_uws: energy_uws when the present quarter of an hour began.   ended_at: of the latest whole one, by the true
    time; None before the first.   watt_hours: of each whole one, the oldest first; what lies between two readings of a
    meter further apart than it looks back is missing.   highest_w, highest_at: the largest average, and its end.
    """

    begun_uws: int = 0
    is_whole: bool = False
    ended_at: datetime | None = None
    watt_hours: list[tuple[datetime, int]] = field(default_factory=list)
    last_w: int = 0
    highest_w: int = 0
    highest_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class MeterMemory:
    """Everything that survives a restart.

    limiter, clock_offset: None before the first start.   clock_set_at: when the clock was last set, by the true time;
    since then it has drifted.   own_counter: the next towards clients.   client_counter:
    highest one accepted from the management client, -1 before the first.   associations: how many were asked for, so
    that no challenge is used twice.   evaluated_at: up to when load and breaker are worked out.   over_since: since
    when the power is over the threshold.   over_told: and that was acted upon.   tripped_at: when the limiter opened,
    None once the breaker was moved since.   shed_at: threshold under which the customer switched things off.
    heat, trips: of a limiter with a behaviour of its own.   energy_uws, exported_uws: watt-microseconds supplied, and
    taken.   thresholds: of
    the other rates, from the second one on.   demand: what was supplied in the quarters of an hour that are over.
    """

    limiter: LimiterState | None = None
    clock_offset: timedelta | None = None
    clock_set_at: datetime | None = None
    breaker: ControlState = ControlState.CONNECTED
    own_counter: int = 1
    client_counter: int = -1
    associations: int = 0
    evaluated_at: datetime | None = None
    over_since: datetime | None = None
    over_told: bool = False
    tripped_at: datetime | None = None
    shed_at: int | None = None
    heat: float = 0.0
    trips: list[datetime] = field(default_factory=list)
    energy_uws: int = 0
    exported_uws: int = 0
    events: list[MeterEvent] = field(default_factory=list)
    thresholds: list[int] = field(default_factory=list)
    demand: DemandMemory = field(default_factory=DemandMemory)

    def record(self, event: MeterEvent) -> None:
        self.events.append(event)
        del self.events[:-EVENTS_MAX]


@dataclass(slots=True)
class MeterFaults:
    """What can be made to go wrong, in tests and demonstrations. The last two are for one command (a SET, or
    an ACTION) and end by themselves.

    silent: nothing is answered, nor carried out.   keys: other keys from the next association on.   refuse_command:
    with this result.   pretends_to_obey: a command succeeds and changes nothing.   breaker_sticks: its state moves, and
    the switch itself does not.   lose_next_command: it is
    not heard.   swallow_answer_to_next_command: it is carried out, and its answer lost.
    """

    silent: bool = False
    keys: Keys | None = None
    refuse_command: DataAccess | None = None
    pretends_to_obey: bool = False
    breaker_sticks: bool = False
    lose_next_command: bool = False
    swallow_answer_to_next_command: bool = False


class MeterOwnCounters(CounterRange):
    """Counters towards clients, in the memory: all associations share one sequence, since they share the key."""

    __slots__ = ("_memory",)

    def __init__(self, memory: MeterMemory) -> None:
        super().__init__(min(memory.own_counter, COUNTER_MAX), COUNTER_MAX)
        self._memory = memory

    @property
    def remaining(self) -> int:
        return COUNTER_MAX + 1 - self._memory.own_counter

    def take(self) -> int:
        value = self._memory.own_counter
        if value > COUNTER_MAX:
            raise CountersExhausted("the meter's invocation counters are used up")
        self._memory.own_counter = value + 1
        return value
