"""Schedule, class_id 10, version 0 (IEC 62056-6-2): scripts by date and time."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, Method, StoredObject

SCHEDULE = InterfaceClass(
    10,
    0,
    "Schedule",
    (
        LOGICAL_NAME,
        Attribute(2, "entries", data.ARRAY, Access.READ_WRITE),
    ),
    (
        Method(1, "enable_disable", data.STRUCTURE),
        Method(2, "insert", data.STRUCTURE),
        Method(3, "delete", data.STRUCTURE),
    ),
)


class Schedule(StoredObject):
    table = SCHEDULE

    __slots__ = ()
