"""The physics of a meter: the household's load, the limiter that watches it, and the breaker between them."""

from datetime import datetime, timedelta

from aforo.dlms.cosem.disconnect_control import CONTROL_MODES, ControlState, Switching, switched
from aforo.dlms.cosem.limiter import LimiterState
from aforo.simulator.demand import PERIOD, begin_quarter, end_quarter, next_quarter
from aforo.simulator.household_load import Load
from aforo.simulator.meter_settings import TRIPS_KEPT, EventCode, MeterEvent, MeterMemory, MeterSettings

LOOK_BACK = timedelta(hours=24)
"""A meter not asked for longer skips what lies before: there nothing trips and no energy counts."""

UNDER_S_MIN = 1
"""An automatic reconnection waits at least so long, or a threshold below the load would switch without end."""

_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)
_WATT_HOUR_UWS = 3_600_000_000
_CODES = {
    Switching.LOCAL_DISCONNECT: EventCode.LIMIT_TRIP,
    Switching.LOCAL_RECONNECT: EventCode.LOCAL_RECONNECT,
    Switching.MANUAL_DISCONNECT: EventCode.MANUAL_DISCONNECT,
    Switching.MANUAL_RECONNECT: EventCode.MANUAL_RECONNECT,
    Switching.REMOTE_DISCONNECT: EventCode.REMOTE_DISCONNECT,
    Switching.REMOTE_RECONNECT: EventCode.REMOTE_RECONNECT,
}

Window = tuple[datetime, datetime] | None


class Supply:
    """Works out up to a given moment what has happened since the last one; nothing happens in between.

    The limiter compares what the power register shows, so a part of its unit does not count.
    """

    __slots__ = ("_drift", "limiter", "load", "memory", "settings")

    def __init__(self, settings: MeterSettings, memory: MeterMemory, load: Load) -> None:
        if memory.limiter is None:
            memory.limiter = settings.factory_limiter()
            memory.thresholds = [memory.limiter.threshold_normal] * (settings.threshold_registers - 1)
        if memory.clock_offset is None:
            memory.clock_offset = settings.clock_offset
        self._drift = settings.clock_drift_ppm / 1_000_000
        self.settings = settings
        self.memory = memory
        self.load = load
        self.limiter: LimiterState = memory.limiter

    def advance(self, now: datetime) -> None:
        """An earlier `now` than the last one changes nothing."""
        memory, at = self.memory, self.memory.evaluated_at
        if at is None:
            memory.evaluated_at = now
            memory.clock_set_at = memory.clock_set_at or now
            begin_quarter(memory.demand, memory.energy_uws, is_whole=next_quarter(now) - now == PERIOD)
        elif now > at:
            if now - at > LOOK_BACK:
                at, memory.over_since = now - LOOK_BACK, None
                begin_quarter(memory.demand, memory.energy_uws, is_whole=False)
            window, quarter = self._emergency(), next_quarter(at)
            while at < now:
                is_closed, until = memory.breaker is ControlState.CONNECTED, min(now, quarter)
                at = self._closed(at, until, window) if is_closed else self._open(at, until)
                if at == quarter:
                    end_quarter(memory.demand, memory.energy_uws, at)
                    quarter += PERIOD
            memory.evaluated_at = now

    def time(self) -> datetime:
        """By the meter's own clock, at the moment up to which it is worked out."""
        assert self.memory.evaluated_at is not None, "advance before asking"
        return self.meter_time(self.memory.evaluated_at)

    def adjust(self, time: datetime) -> None:
        assert self.memory.evaluated_at is not None, "advance before adjusting"
        self.memory.clock_offset = time - self.memory.evaluated_at
        self.memory.clock_set_at = self.memory.evaluated_at

    def load_w(self, at: datetime) -> int:
        """What the household asks for, whether it is supplied or not. Below 0: what it has to give."""
        watts, customer = self.load.watts(at), self.settings.customer
        if customer is not None and self.memory.shed_at == self.limiter.threshold_active(self.meter_time(at)):
            return min(watts, customer.keeps_w)
        return watts

    def supplied_w(self, at: datetime) -> int:
        """Below 0: fed into the network."""
        return self.load_w(at) if self.memory.breaker is ControlState.CONNECTED else 0

    def power(self) -> int:
        """What the power register shows: nothing while the household gives."""
        return self.settings.raw(max(0, self._net_w()))

    def exported_power(self) -> int:
        """What the other power register shows."""
        return self.settings.raw(max(0, -self._net_w()))

    def phase_power(self, phase: int) -> int:
        """Of phase 1, 2 or 3: its share of the power, the same at all times; together they are the power."""
        drawn, shares = max(0, self._net_w()), self.settings.phase_shares
        before, upto = sum(shares[: phase - 1]), sum(shares[:phase])
        return self.settings.raw(drawn * upto // 1000 - drawn * before // 1000)

    def _net_w(self) -> int:
        assert self.memory.evaluated_at is not None, "advance before asking"
        return self.supplied_w(self.memory.evaluated_at)

    def meter_time(self, at: datetime) -> datetime:
        """A moment as the meter's own clock tells it, or told it since it was last set."""
        memory = self.memory
        assert memory.clock_offset is not None, "set at the first start"
        drifted = (at - memory.clock_set_at) * self._drift if self._drift and memory.clock_set_at else timedelta()
        return at + memory.clock_offset + drifted

    def energy_wh(self) -> int:
        return self.memory.energy_uws // _WATT_HOUR_UWS

    def exported_wh(self) -> int:
        return self.memory.exported_uws // _WATT_HOUR_UWS

    def switch(self, who: Switching, at: datetime) -> bool:
        """False: the control mode has no such transition from the present state."""
        memory = self.memory
        after = switched(self.settings.control_mode, memory.breaker, who)
        if after is None:
            return False
        self.record(_CODES[who], at)
        memory.breaker = after
        memory.tripped_at = at if who is Switching.LOCAL_DISCONNECT else None
        memory.over_since, memory.over_told = None, False
        return True

    def record(self, code: EventCode, at: datetime) -> None:
        threshold = self.limiter.threshold_active(self.meter_time(at))
        drawn_w = max(0, self.supplied_w(at - _MICROSECOND))  # a load changes at the very moment when a step begins
        self.memory.record(MeterEvent(code, at, drawn_w, self.settings.watts(threshold)))

    def _emergency(self) -> Window:
        """In true time."""
        window = self.limiter.emergency()
        return None if window is None else (self._true_time(window[0]), self._true_time(window[1]))

    def _true_time(self, told: datetime) -> datetime:
        """When the meter's own clock tells this."""
        memory = self.memory
        assert memory.clock_offset is not None, "set at the first start"
        at = told - memory.clock_offset
        if not self._drift or memory.clock_set_at is None:
            return at
        return memory.clock_set_at + (at - memory.clock_set_at) / (1 + self._drift)

    def _closed(self, at: datetime, until: datetime, window: Window) -> datetime:
        """One stretch of equal load and threshold; where it ends."""
        memory, limiter = self.memory, self.limiter
        watts = self.load_w(at)
        end = min(until, self.load.steady_until(at) or until)
        threshold = limiter.threshold_normal
        if window is not None:
            end = min(end, *(bound for bound in window if bound > at), until)
            threshold = limiter.threshold_emergency if window[0] <= at < window[1] else threshold
        if self.settings.behaviour is not None:
            end = self._behaved(at, end, watts, threshold)
        elif watts <= 0 or self.settings.raw(watts) <= threshold:
            memory.over_since, memory.over_told = None, False
        else:
            memory.over_since = memory.over_since or at
            due = max(at, memory.over_since + limiter.min_over_s * _SECOND)
            if due <= end and not memory.over_told:
                end = due
                memory.over_told = True
                if not self.switch(Switching.LOCAL_DISCONNECT, due):
                    self.record(EventCode.LIMIT_EXCEEDED, due)
        if watts >= 0:
            memory.energy_uws += watts * ((end - at) // _MICROSECOND)
        else:
            memory.exported_uws -= watts * ((end - at) // _MICROSECOND)
        return end

    def _behaved(self, at: datetime, end: datetime, watts: int, threshold: int) -> datetime:
        """The stretch ends at the trip, when there is one."""
        behaviour, memory = self.settings.behaviour, self.memory
        assert behaviour is not None, "asked of a limiter with a behaviour"
        load = self.settings.raw(max(0, watts)) / max(1, threshold)
        trip_in_s = behaviour.trip_in_s(memory.heat, load)
        if trip_in_s is None or at + trip_in_s * _SECOND > end:
            memory.heat = behaviour.heat_after(memory.heat, load, (end - at) / _SECOND)
            return end
        due = at + trip_in_s * _SECOND
        memory.heat = 0.0
        memory.trips.append(due)
        del memory.trips[:-TRIPS_KEPT]
        if not self.switch(Switching.LOCAL_DISCONNECT, due):
            self.record(EventCode.LIMIT_EXCEEDED, due)
        return max(due, at + _MICROSECOND)

    def _open(self, at: datetime, until: datetime) -> datetime:
        """The load does not matter now; what matters is who closes again, and when."""
        closing = self._closing()
        if closing is None or closing[0] > until:
            return until
        due, who = closing
        due = max(due, at)
        closed = self.switch(who, due)
        assert closed, "every mode that lets the limiter open lets it be closed from there"
        if who is Switching.MANUAL_RECONNECT:
            self.memory.shed_at = self.limiter.threshold_active(self.meter_time(due))
        return due

    def _closing(self) -> tuple[datetime, Switching] | None:
        """After a trip only: what was opened or armed by others waits for them."""
        tripped_at, customer = self.memory.tripped_at, self.settings.customer
        if tripped_at is None:
            return None
        closings, behaviour = [], self.settings.behaviour
        if behaviour is not None:
            ago_s = tuple((tripped_at - trip) / _SECOND for trip in self.memory.trips)
            if behaviour.recloses_after_s is not None and not behaviour.is_locked_out(ago_s):
                closings.append((tripped_at + behaviour.recloses_after_s * _SECOND, Switching.LOCAL_RECONNECT))
        elif "h" in CONTROL_MODES[self.settings.control_mode]:
            wait_s = max(UNDER_S_MIN, self.limiter.min_under_s)
            closings.append((tripped_at + wait_s * _SECOND, Switching.LOCAL_RECONNECT))
        if customer is not None:
            closings.append((tripped_at + customer.recloses_after, Switching.MANUAL_RECONNECT))
        return min(closings, key=lambda closing: closing[0], default=None)
