"""Every interface class that is known here, by its class_id."""

from aforo.dlms.cosem.activity_calendar import ACTIVITY_CALENDAR
from aforo.dlms.cosem.arbitrator import ARBITRATOR
from aforo.dlms.cosem.association_ln import ASSOCIATION_LN
from aforo.dlms.cosem.clock import CLOCK
from aforo.dlms.cosem.compact_data import COMPACT_DATA
from aforo.dlms.cosem.data_object import DATA
from aforo.dlms.cosem.demand_register import DEMAND_REGISTER
from aforo.dlms.cosem.disconnect_control import DISCONNECT_CONTROL
from aforo.dlms.cosem.extended_register import EXTENDED_REGISTER
from aforo.dlms.cosem.hdlc_setup import HDLC_SETUP
from aforo.dlms.cosem.image_transfer import IMAGE_TRANSFER
from aforo.dlms.cosem.interface_class import InterfaceClass
from aforo.dlms.cosem.limiter import LIMITER
from aforo.dlms.cosem.profile_generic import PROFILE_GENERIC
from aforo.dlms.cosem.push_setup import PUSH_SETUP
from aforo.dlms.cosem.register import REGISTER
from aforo.dlms.cosem.register_activation import REGISTER_ACTIVATION
from aforo.dlms.cosem.register_monitor import REGISTER_MONITOR
from aforo.dlms.cosem.sap_assignment import SAP_ASSIGNMENT
from aforo.dlms.cosem.schedule import SCHEDULE
from aforo.dlms.cosem.script_table import SCRIPT_TABLE
from aforo.dlms.cosem.security_setup import SECURITY_SETUP
from aforo.dlms.cosem.single_action_schedule import SINGLE_ACTION_SCHEDULE
from aforo.dlms.cosem.special_days_table import SPECIAL_DAYS_TABLE
from aforo.dlms.cosem.status_mapping import STATUS_MAPPING
from aforo.dlms.cosem.tcp_udp_setup import TCP_UDP_SETUP

CLASSES: dict[int, InterfaceClass] = {
    each.class_id: each
    for each in (
        ACTIVITY_CALENDAR,
        ARBITRATOR,
        ASSOCIATION_LN,
        CLOCK,
        COMPACT_DATA,
        DATA,
        DEMAND_REGISTER,
        DISCONNECT_CONTROL,
        EXTENDED_REGISTER,
        HDLC_SETUP,
        IMAGE_TRANSFER,
        LIMITER,
        PROFILE_GENERIC,
        PUSH_SETUP,
        REGISTER,
        REGISTER_ACTIVATION,
        REGISTER_MONITOR,
        SAP_ASSIGNMENT,
        SCHEDULE,
        SCRIPT_TABLE,
        SECURITY_SETUP,
        SINGLE_ACTION_SCHEDULE,
        SPECIAL_DAYS_TABLE,
        STATUS_MAPPING,
        TCP_UDP_SETUP,
    )
}
