"""Script table, class_id 9, version 0 (IEC 62056-6-2): actions by number, run as one."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Attribute, InterfaceClass, Method, StoredObject

SCRIPT_TABLE = InterfaceClass(
    9,
    0,
    "Script table",
    (
        LOGICAL_NAME,
        Attribute(2, "scripts", data.ARRAY),
    ),
    (Method(1, "execute", data.LONG_UNSIGNED, is_open=True),),
)


class ScriptTable(StoredObject):
    table = SCRIPT_TABLE

    __slots__ = ()
