"""Compact data, class_id 62, version 1 (IEC 62056-6-2): several attributes in one octet-string, by a template."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, Method, StoredObject

COMPACT_DATA = InterfaceClass(
    62,
    1,
    "Compact data",
    (
        LOGICAL_NAME,
        Attribute(2, "compact_buffer", data.OCTET_STRING),
        Attribute(3, "capture_objects", data.ARRAY),
        Attribute(4, "template_id", data.UNSIGNED),
        Attribute(5, "template_description", data.OCTET_STRING),
        Attribute(6, "capture_method", data.ENUM, Access.READ_WRITE),
    ),
    (
        Method(1, "reset", data.INTEGER, is_open=True),
        Method(2, "capture", data.INTEGER, is_open=True),
    ),
)


class CompactData(StoredObject):
    table = COMPACT_DATA

    __slots__ = ()
