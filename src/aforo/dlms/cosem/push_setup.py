"""Push setup, class_id 40, version 2 (IEC 62056-6-2): what a device sends by itself, where to and how often."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, Method, StoredObject

PUSH_SETUP = InterfaceClass(
    40,
    2,
    "Push setup",
    (
        LOGICAL_NAME,
        Attribute(2, "push_object_list", data.ARRAY, Access.READ_WRITE),
        Attribute(3, "send_destination_and_method", data.STRUCTURE, Access.READ_WRITE),
        Attribute(4, "communication_window", data.ARRAY, Access.READ_WRITE),
        Attribute(5, "randomisation_start_interval", data.LONG_UNSIGNED, Access.READ_WRITE),
        Attribute(6, "number_of_retries", data.UNSIGNED, Access.READ_WRITE),
        Attribute(7, "repetition_delay", data.STRUCTURE, Access.READ_WRITE),
        Attribute(8, "port_reference", data.OCTET_STRING),
        Attribute(9, "push_client_sap", data.INTEGER),
        Attribute(10, "push_protection_parameters", data.ARRAY),
        Attribute(11, "push_operation_method", data.ENUM, Access.READ_WRITE),
        Attribute(12, "confirmation_parameters", data.STRUCTURE, Access.READ_WRITE),
        Attribute(13, "last_confirmation_date_time", data.OCTET_STRING),
    ),
    (
        Method(1, "push", data.INTEGER, is_open=True),
        Method(2, "reset", data.INTEGER, is_open=True),
    ),
)


class PushSetup(StoredObject):
    table = PUSH_SETUP

    __slots__ = ()
