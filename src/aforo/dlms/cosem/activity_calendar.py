"""Activity calendar, class_id 20, version 0 (IEC 62056-6-2): tariffs by season, week and day, active and passive."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, Method, StoredObject

ACTIVITY_CALENDAR = InterfaceClass(
    20,
    0,
    "Activity calendar",
    (
        LOGICAL_NAME,
        Attribute(2, "calendar_name_active", data.OCTET_STRING),
        Attribute(3, "season_profile_active", data.ARRAY),
        Attribute(4, "week_profile_table_active", data.ARRAY),
        Attribute(5, "day_profile_table_active", data.ARRAY),
        Attribute(6, "calendar_name_passive", data.OCTET_STRING, Access.READ_WRITE),
        Attribute(7, "season_profile_passive", data.ARRAY, Access.READ_WRITE),
        Attribute(8, "week_profile_table_passive", data.ARRAY, Access.READ_WRITE),
        Attribute(9, "day_profile_table_passive", data.ARRAY, Access.READ_WRITE),
        Attribute(10, "activate_passive_calendar_time", data.OCTET_STRING, Access.READ_WRITE),
    ),
    (Method(1, "activate_passive_calendar", data.INTEGER, is_open=True),),
)

_SETS_APART = 4
"""From an active attribute to its passive one."""


class ActivityCalendar(StoredObject):
    table = ACTIVITY_CALENDAR

    __slots__ = ()

    def _done(self, method: int, parameter: data.Value) -> None:  # noqa: ARG002 (there is one method)
        for active in range(2, 2 + _SETS_APART):
            self.values[active] = self.values[active + _SETS_APART]
