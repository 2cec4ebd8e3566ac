"""Demand register, class_id 5, version 0 (IEC 62056-6-2): the average over a period, and that of the last one."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, Method, StoredObject

DEMAND_REGISTER = InterfaceClass(
    5,
    0,
    "Demand register",
    (
        LOGICAL_NAME,
        Attribute(2, "current_average_value", None),
        Attribute(3, "last_average_value", None),
        Attribute(4, "scaler_unit", data.STRUCTURE),
        Attribute(5, "status", None),
        Attribute(6, "capture_time", data.OCTET_STRING),
        Attribute(7, "start_time_current", data.OCTET_STRING),
        Attribute(8, "period", data.DOUBLE_LONG_UNSIGNED, Access.READ_WRITE),
        Attribute(9, "number_of_periods", data.LONG_UNSIGNED, Access.READ_WRITE),
    ),
    (
        Method(1, "reset", data.INTEGER, is_open=True),
        Method(2, "next_period", data.INTEGER, is_open=True),
    ),
)


class DemandRegister(StoredObject):
    table = DEMAND_REGISTER

    __slots__ = ()
