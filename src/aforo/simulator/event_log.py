"""The event log of a simulated meter: what happened to its limit and its switch, by its own clock."""

from aforo.dlms import data, dates
from aforo.dlms.cosem.profile_generic import CaptureObject, ProfileGeneric
from aforo.dlms.obis import obis
from aforo.simulator.meter_settings import EVENTS_MAX
from aforo.simulator.meter_supply import Supply

EVENT_LOG = obis("0-0:99.98.0.255")
COLUMNS = (CaptureObject(8, obis("0-0:1.0.0.255"), 2), CaptureObject(1, obis("0-0:96.11.0.255"), 2))
"""When, and the code of what happened (`EventCode`)."""

_VALUES = {4: data.u32(0), 5: data.enum(1), 6: COLUMNS[0].encoded(), 8: data.u32(EVENTS_MAX)}
"""Captured as it happens, the oldest first."""


def event_log(supply: Supply) -> ProfileGeneric:
    def rows() -> list[tuple[bytes, bytes]]:
        events = supply.memory.events
        return [(data.octets(dates.encode(supply.meter_time(each.at))), data.u8(each.code)) for each in events]

    return ProfileGeneric(EVENT_LOG, COLUMNS, rows, _VALUES)
