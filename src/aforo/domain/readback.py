"""What the meter itself said: the evidence behind every outcome."""

from datetime import datetime
from decimal import Decimal
from enum import Enum

from msgspec import Struct

from aforo.domain.causes import Cause
from aforo.domain.quantities import watts_of


class Breaker(Enum):
    """The supply switch, as its control_state tells it (COSEM class 70)."""

    DISCONNECTED = 0
    CONNECTED = 1
    READY_FOR_RECONNECTION = 2


class Readback(Struct, frozen=True):
    """Values read from the meter in one visit, in the monitored register's own raw units of 10^scaler W.

    before: threshold before any write.   written: raw value sent, None when only reading.   threshold: read after;
    while a temporary limit of ours is in force, that one.   restores_at: when the meter itself ends it; None when there
    is none.   active: threshold that the meter compares with now; None when the meter has no such attribute.
    read_at: when the last of them was read, by the clock of who read it.
    """

    before: int
    written: int | None
    threshold: int
    active: int | None
    scaler: int
    read_at: datetime
    emergency: bool | None = None
    breaker: Breaker | None = None
    restores_at: datetime | None = None

    @property
    def before_watts(self) -> Decimal:
        return watts_of(self.before, self.scaler)

    @property
    def watts(self) -> Decimal:
        return watts_of(self.threshold, self.scaler)

    @property
    def active_watts(self) -> Decimal | None:
        return None if self.active is None else watts_of(self.active, self.scaler)


class SupplyReadback(Struct, frozen=True):
    """The supply switch as read from the meter in one visit (COSEM class 70).

    before, state: control_state before any command, and read afterwards.   output: output_state, the switch itself;
    None when the meter has no such attribute.   is_commanded: whether a command was sent in between.
    """

    before: Breaker
    state: Breaker
    output: bool | None
    is_commanded: bool
    read_at: datetime


class DemandReadback(Struct, frozen=True):
    """The demand of the last whole period as read from the meter (COSEM class 5), in units of 10^scaler W.

    captured_at: when that period ended, by the meter's own clock; None when it does not tell.
    breaker: control_state; None when the meter has no switch.
    """

    average: int
    scaler: int
    period_s: int
    captured_at: datetime | None
    breaker: Breaker | None
    read_at: datetime

    @property
    def watts(self) -> Decimal:
        return watts_of(self.average, self.scaler)


Evidence = Readback | SupplyReadback | DemandReadback


class Verdict(Enum):
    """How a visit to a meter ended. UNKNOWN: the command may have left, and the meter has not answered since."""

    OK = 0
    KO = 1
    UNKNOWN = 2


class DeviceFrame(Struct, frozen=True):
    """An APDU as it went over the line. at: when it was heard; None for one that was sent."""

    octets: bytes
    at: datetime | None = None

    @property
    def is_sent(self) -> bool:
        return self.at is None


class CommandResult(Struct, frozen=True):
    """One visit to one meter: OK with evidence, KO with its cause, or UNKNOWN.

    detail: what was seen, in a sentence, for the trace; never a key.   frames: if the head-end itself was on the line.
    """

    verdict: Verdict
    cause: Cause | None = None
    detail: str = ""
    readback: Evidence | None = None
    frames: tuple[DeviceFrame, ...] = ()
