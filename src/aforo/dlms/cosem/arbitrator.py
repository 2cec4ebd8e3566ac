"""Arbitrator, class_id 68, version 0 (IEC 62056-6-2): who may move what several clients want to move."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, Method, StoredObject

ARBITRATOR = InterfaceClass(
    68,
    0,
    "Arbitrator",
    (
        LOGICAL_NAME,
        Attribute(2, "actions", data.ARRAY),
        Attribute(3, "permissions_table", data.ARRAY, Access.READ_WRITE),
        Attribute(4, "weightings_table", data.ARRAY, Access.READ_WRITE),
        Attribute(5, "most_recent_requests_table", data.ARRAY),
        Attribute(6, "last_outcome", data.UNSIGNED),
    ),
    (
        Method(1, "request_action", data.STRUCTURE, is_open=True),
        Method(2, "reset", data.INTEGER, is_open=True),
    ),
)


class Arbitrator(StoredObject):
    table = ARBITRATOR

    __slots__ = ()
