"""Extended register, class_id 4, version 0 (IEC 62056-6-2): a value with its status and the time it was taken."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Attribute, InterfaceClass, Method, StoredObject

EXTENDED_REGISTER = InterfaceClass(
    4,
    0,
    "Extended register",
    (
        LOGICAL_NAME,
        Attribute(2, "value", None),
        Attribute(3, "scaler_unit", data.STRUCTURE),
        Attribute(4, "status", None),
        Attribute(5, "capture_time", data.OCTET_STRING),
    ),
    (Method(1, "reset", data.INTEGER),),
)


class ExtendedRegister(StoredObject):
    table = EXTENDED_REGISTER

    __slots__ = ()
