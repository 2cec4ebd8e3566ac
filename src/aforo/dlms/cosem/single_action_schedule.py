"""Single action schedule, class_id 22, version 0 (IEC 62056-6-2): one script, at given times."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, StoredObject

SINGLE_ACTION_SCHEDULE = InterfaceClass(
    22,
    0,
    "Single action schedule",
    (
        LOGICAL_NAME,
        Attribute(2, "executed_script", data.STRUCTURE),
        Attribute(3, "type", data.ENUM),
        Attribute(4, "execution_time", data.ARRAY, Access.READ_WRITE),
    ),
)


class SingleActionSchedule(StoredObject):
    table = SINGLE_ACTION_SCHEDULE

    __slots__ = ()
