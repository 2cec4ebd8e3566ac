"""IEC HDLC setup, class_id 23, version 1 (IEC 62056-6-2): how the HDLC port of a device is set."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, StoredObject

HDLC_SETUP = InterfaceClass(
    23,
    1,
    "IEC HDLC setup",
    (
        LOGICAL_NAME,
        Attribute(2, "comm_speed", data.ENUM, Access.READ_WRITE),
        Attribute(3, "window_size_transmit", data.UNSIGNED, Access.READ_WRITE),
        Attribute(4, "window_size_receive", data.UNSIGNED, Access.READ_WRITE),
        Attribute(5, "max_info_field_length_transmit", data.LONG_UNSIGNED, Access.READ_WRITE),
        Attribute(6, "max_info_field_length_receive", data.LONG_UNSIGNED, Access.READ_WRITE),
        Attribute(7, "inter_octet_time_out", data.LONG_UNSIGNED, Access.READ_WRITE),
        Attribute(8, "inactivity_time_out", data.LONG_UNSIGNED, Access.READ_WRITE),
        Attribute(9, "device_address", data.LONG_UNSIGNED),
    ),
)


class HdlcSetup(StoredObject):
    table = HDLC_SETUP

    __slots__ = ()
