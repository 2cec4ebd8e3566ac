"""Special days table, class_id 11, version 0 (IEC 62056-6-2): days that have a day profile of their own."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, Method, StoredObject

SPECIAL_DAYS_TABLE = InterfaceClass(
    11,
    0,
    "Special days table",
    (
        LOGICAL_NAME,
        Attribute(2, "entries", data.ARRAY, Access.READ_WRITE),
    ),
    (
        Method(1, "insert", data.STRUCTURE),
        Method(2, "delete", data.LONG_UNSIGNED),
    ),
)


class SpecialDaysTable(StoredObject):
    table = SPECIAL_DAYS_TABLE

    __slots__ = ()
