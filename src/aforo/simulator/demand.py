"""Quarters of an hour: what was supplied in each, the largest average, and the rows of the load profile.

They begin at whole quarters by the true time, which every legal time shares: a day of 23 hours has 92, one of 25
has 100.
"""

from datetime import UTC, datetime, timedelta

from aforo.simulator.meter_settings import QUARTERS_KEPT, DemandMemory

PERIOD = timedelta(minutes=15)
PERIOD_S = 900
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WATT_HOUR_UWS = 3_600_000_000
_WATT_PERIOD_UWS = PERIOD_S * 1_000_000


def next_quarter(at: datetime) -> datetime:
    """The first after `at`."""
    return _EPOCH + ((at - _EPOCH) // PERIOD + 1) * PERIOD


def begin_quarter(memory: DemandMemory, energy_uws: int, *, is_whole: bool) -> None:
    """is_whole: nothing of it lies before what the meter has worked out."""
    memory.begun_uws = energy_uws
    memory.is_whole = is_whole


def end_quarter(memory: DemandMemory, energy_uws: int, at: datetime) -> None:
    """At a whole quarter. One that was not watched from its beginning tells nothing."""
    if memory.is_whole:
        drawn_uws = energy_uws - memory.begun_uws
        memory.ended_at = at
        memory.last_w = drawn_uws // _WATT_PERIOD_UWS
        memory.watt_hours.append((at, drawn_uws // _WATT_HOUR_UWS))
        del memory.watt_hours[:-QUARTERS_KEPT]
        if memory.highest_at is None or memory.last_w > memory.highest_w:
            memory.highest_w, memory.highest_at = memory.last_w, at
    begin_quarter(memory, energy_uws, is_whole=True)
