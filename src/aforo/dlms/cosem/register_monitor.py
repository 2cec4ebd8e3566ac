"""Register monitor, class_id 21, version 0 (IEC 62056-6-2): what is done when a value crosses thresholds."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, StoredObject

REGISTER_MONITOR = InterfaceClass(
    21,
    0,
    "Register monitor",
    (
        LOGICAL_NAME,
        Attribute(2, "thresholds", data.ARRAY, Access.READ_WRITE),
        Attribute(3, "monitored_value", data.STRUCTURE),
        Attribute(4, "actions", data.ARRAY),
    ),
)


class RegisterMonitor(StoredObject):
    table = REGISTER_MONITOR

    __slots__ = ()
