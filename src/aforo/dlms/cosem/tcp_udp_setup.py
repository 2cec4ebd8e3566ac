"""TCP-UDP setup, class_id 41, version 0 (IEC 62056-6-2): the port and limits of an IP device."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, StoredObject

TCP_UDP_SETUP = InterfaceClass(
    41,
    0,
    "TCP-UDP setup",
    (
        LOGICAL_NAME,
        Attribute(2, "tcp_udp_port", data.LONG_UNSIGNED),
        Attribute(3, "ip_reference", data.OCTET_STRING),
        Attribute(4, "mss", data.LONG_UNSIGNED),
        Attribute(5, "nb_of_sim_conn", data.UNSIGNED),
        Attribute(6, "inactivity_time_out", data.LONG_UNSIGNED, Access.READ_WRITE),
    ),
)


class TcpUdpSetup(StoredObject):
    table = TCP_UDP_SETUP

    __slots__ = ()
