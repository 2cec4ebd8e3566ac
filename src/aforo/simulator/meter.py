"""A simulated meter: a COSEM server with a limiter that really cuts.

Nothing ticks: load, limiter and breaker are worked out, exactly, up to the moment of each question.
"""

from datetime import datetime

from aforo.dlms.cosem.disconnect_control import Switching
from aforo.domain.readback import Breaker
from aforo.simulator.household_load import Load
from aforo.simulator.meter_line import MeterLine
from aforo.simulator.meter_settings import MeterEvent, MeterFaults, MeterMemory, MeterSettings
from aforo.simulator.meter_supply import Supply


class Meter:
    """memory: what survives a restart, which is a new Meter on the same memory.   faults: to be set at will.

    Views that take no time show what the latest `advance`, or the latest APDU, has worked out.
    """

    __slots__ = ("_supply", "faults")

    def __init__(self, settings: MeterSettings, memory: MeterMemory, load: Load) -> None:
        self._supply = Supply(settings, memory, load)
        self.faults = MeterFaults()

    def advance(self, now: datetime) -> None:
        self._supply.advance(now)

    def line(self) -> MeterLine:
        """A new way to the meter, with associations of its own."""
        return MeterLine(self._supply, self.faults)

    @property
    def number(self) -> str:
        return self.settings.number

    @property
    def settings(self) -> MeterSettings:
        return self._supply.settings

    @property
    def memory(self) -> MeterMemory:
        return self._supply.memory

    @property
    def load(self) -> Load:
        return self._supply.load

    @load.setter
    def load(self, load: Load) -> None:
        """Counts from the moment up to which the meter was advanced."""
        self._supply.load = load

    @property
    def threshold_w(self) -> int:
        """threshold_normal in watts, a part of a watt cut off."""
        return self.settings.watts(self._supply.limiter.threshold_normal)

    @property
    def threshold(self) -> int:
        """threshold_normal as the meter counts it, in 10^scaler W."""
        return self._supply.limiter.threshold_normal

    @property
    def breaker(self) -> Breaker:
        return Breaker(self.memory.breaker)

    @property
    def events(self) -> tuple[MeterEvent, ...]:
        """The latest ones, the oldest first."""
        return tuple(self.memory.events)

    def load_w(self, now: datetime) -> int:
        """What the household asks for at that moment, whether it is supplied or not."""
        return self._supply.load_w(now)

    def supplied_w(self, now: datetime) -> int:
        """Advances the meter. 0 while the breaker is open."""
        self.advance(now)
        return self._supply.supplied_w(now)

    def close_by_hand(self, now: datetime) -> bool:
        """The customer raises the breaker. False: it does not stay up."""
        return self._by_hand(Switching.MANUAL_RECONNECT, now)

    def open_by_hand(self, now: datetime) -> bool:
        """False: the control mode does not let the customer open."""
        return self._by_hand(Switching.MANUAL_DISCONNECT, now)

    def _by_hand(self, who: Switching, now: datetime) -> bool:
        self.advance(now)
        return self._supply.switch(who, now)
