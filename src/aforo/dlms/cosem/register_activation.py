"""Register activation, class_id 6, version 0 (IEC 62056-6-2): which registers count under which mask."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, Method, StoredObject

REGISTER_ACTIVATION = InterfaceClass(
    6,
    0,
    "Register activation",
    (
        LOGICAL_NAME,
        Attribute(2, "register_assignment", data.ARRAY),
        Attribute(3, "mask_list", data.ARRAY),
        Attribute(4, "active_mask", data.OCTET_STRING, Access.READ_WRITE),
    ),
    (
        Method(1, "add_register", data.STRUCTURE),
        Method(2, "add_mask", data.STRUCTURE),
        Method(3, "delete_mask", data.OCTET_STRING),
    ),
)


class RegisterActivation(StoredObject):
    table = REGISTER_ACTIVATION

    __slots__ = ()
