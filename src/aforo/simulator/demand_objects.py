"""What a simulated meter tells of its demand: the last quarter of an hour's average, the largest, the load profile."""

from datetime import datetime

from aforo.dlms import data, dates
from aforo.dlms.cosem.demand_register import DemandRegister
from aforo.dlms.cosem.extended_register import ExtendedRegister
from aforo.dlms.cosem.profile_generic import CaptureObject, ProfileGeneric
from aforo.dlms.cosem.register import WATT, ScalerUnit
from aforo.dlms.events import DataAccess
from aforo.dlms.obis import obis
from aforo.dlms.server import AccessRefused, CosemObject
from aforo.simulator.demand import PERIOD_S
from aforo.simulator.meter_settings import QUARTERS_KEPT
from aforo.simulator.meter_supply import Supply

CLOCK = obis("0-0:1.0.0.255")
DEMAND = obis("1-0:1.4.0.255")
HIGHEST_DEMAND = obis("1-0:1.6.0.255")
LOAD_PROFILE = obis("1-0:99.1.0.255")
COLUMNS = (CaptureObject(8, CLOCK, 2), CaptureObject(5, DEMAND, 3))
"""Of the load profile: when a quarter ended by the meter's clock, and what was supplied in it, in watt-hours."""

_PROFILE_VALUES = {
    4: data.u32(PERIOD_S),
    5: data.enum(1),  # fifo
    6: COLUMNS[0].encoded(),
    8: data.u32(QUARTERS_KEPT),
}
_NEVER = bytes.fromhex("ffffffffffffffffff8000ff")
"""A date-time of which nothing is specified."""


def demand_objects(supply: Supply) -> list[CosemObject]:
    return [
        QuarterHourDemand(supply),
        HighestDemand(supply),
        ProfileGeneric(LOAD_PROFILE, COLUMNS, lambda: _rows(supply), _PROFILE_VALUES),
    ]


class QuarterHourDemand(DemandRegister):
    """Averages in the scale of the power register, as they are when asked for. Its period cannot be changed."""

    __slots__ = ("_supply",)

    def __init__(self, supply: Supply) -> None:
        super().__init__(DEMAND, {}, _refuse)
        self._supply = supply

    def _get(self, attribute: int) -> bytes:
        supply, memory = self._supply, self._supply.memory.demand
        drawn_w = (supply.memory.energy_uws - memory.begun_uws) // (PERIOD_S * 1_000_000)
        match attribute:
            case 2:
                return data.u32(supply.settings.raw(drawn_w))
            case 3:
                return data.u32(supply.settings.raw(memory.last_w))
            case 4:
                return ScalerUnit(supply.settings.scaler, WATT).encoded()
            case 5:
                return data.u8(0)
            case 6 | 7:
                return _clock_time(supply, memory.ended_at)
            case 8:
                return data.u32(PERIOD_S)
        return data.u16(1)

    def _set(self, attribute: int, value: data.Value, encoded: bytes) -> None:  # noqa: ARG002 (whatever it is)
        raise AccessRefused(DataAccess.READ_WRITE_DENIED)


class HighestDemand(ExtendedRegister):
    """The largest average since the meter was made, and when its quarter ended."""

    __slots__ = ("_supply",)

    def __init__(self, supply: Supply) -> None:
        super().__init__(HIGHEST_DEMAND, {}, _refuse)
        self._supply = supply

    def _get(self, attribute: int) -> bytes:
        settings, memory = self._supply.settings, self._supply.memory.demand
        match attribute:
            case 2:
                return data.u32(settings.raw(memory.highest_w))
            case 3:
                return ScalerUnit(settings.scaler, WATT).encoded()
            case 4:
                return data.u8(0)
        return _clock_time(self._supply, memory.highest_at)


def _refuse(*_: object) -> None:
    raise AccessRefused(DataAccess.READ_WRITE_DENIED)


def _rows(supply: Supply) -> list[tuple[bytes, bytes]]:
    rows = supply.memory.demand.watt_hours
    return [(_clock_time(supply, at), data.u32(watt_hours)) for at, watt_hours in rows]


def _clock_time(supply: Supply, at: datetime | None) -> bytes:
    return data.octets(_NEVER if at is None else dates.encode(supply.meter_time(at)))
