"""The standard's words for its numbers: classes, results, contexts, bits (IEC 62056-5-3 and 62056-6-2)."""

from collections.abc import Mapping

from aforo.dlms.cosem.association_ln import ASSOCIATION_LN
from aforo.dlms.cosem.clock import CLOCK
from aforo.dlms.cosem.data_object import DATA
from aforo.dlms.cosem.disconnect_control import DISCONNECT_CONTROL
from aforo.dlms.cosem.interface_class import LOGICAL_NAME
from aforo.dlms.cosem.limiter import LIMITER
from aforo.dlms.cosem.register import REGISTER
from aforo.dlms.cosem.sap_assignment import SAP_ASSIGNMENT
from aforo.dlms.cosem.security_setup import SECURITY_SETUP
from aforo.dlms.events import DataAccess

ATTRIBUTE, METHOD = "attribute", "method"
_TABLES = {
    table.class_id: table
    for table in (DATA, REGISTER, CLOCK, ASSOCIATION_LN, SAP_ASSIGNMENT, SECURITY_SETUP, DISCONNECT_CONTROL, LIMITER)
}
_OTHER_CLASSES = {
    4: "Extended register", 5: "Demand register", 6: "Register activation", 7: "Profile generic", 9: "Script table",
    10: "Schedule", 11: "Special days table", 12: "Association SN", 18: "Image transfer", 19: "IEC local port setup",
    20: "Activity calendar", 21: "Register monitor", 22: "Single action schedule", 23: "IEC HDLC setup",
    24: "IEC twisted pair setup", 25: "M-Bus slave port setup", 26: "Utility tables", 27: "Modem configuration",
    28: "Auto answer", 29: "Auto connect", 30: "COSEM data protection", 40: "Push setup", 41: "TCP-UDP setup",
    42: "IPv4 setup", 43: "MAC address setup", 44: "PPP setup", 45: "GPRS modem setup", 46: "SMTP setup",
    47: "GSM diagnostic", 48: "IPv6 setup", 61: "Register table", 62: "Compact data", 63: "Status mapping",
    65: "Parameter monitor", 67: "Sensor manager", 68: "Arbitrator", 72: "M-Bus client", 111: "Account", 112: "Credit",
    113: "Charge", 115: "Token gateway",
}  # fmt: skip
SECRET_MEMBERS = {
    *((ASSOCIATION_LN.class_id, ATTRIBUTE, 7), (ASSOCIATION_LN.class_id, METHOD, 1)),
    *((ASSOCIATION_LN.class_id, METHOD, 2), (SECURITY_SETUP.class_id, METHOD, 2)),
}
"""secret, reply_to_HLS_authentication, change_HLS_secret, key_transfer: what they are given is counted, not shown."""

CONTEXTS = {
    1: "logical names", 2: "short names", 3: "logical names with ciphering", 4: "short names with ciphering",
}  # fmt: skip
MECHANISMS = {
    0: "none (lowest level)", 1: "password (LLS)", 2: "HLS, manufacturer's", 3: "HLS, MD5", 4: "HLS, SHA-1",
    5: "HLS, GMAC", 6: "HLS, SHA-256", 7: "HLS, ECDSA",
}  # fmt: skip
ASSOCIATION_RESULTS = {0: "accepted", 1: "rejected-permanent", 2: "rejected-transient"}
USER_DIAGNOSTICS = {
    0: "null", 1: "no-reason-given", 2: "application-context-name-not-supported", 3: "calling-AP-title-not-recognized",
    4: "calling-AP-invocation-identifier-not-recognized", 5: "calling-AE-qualifier-not-recognized",
    6: "calling-AE-invocation-identifier-not-recognized", 7: "called-AP-title-not-recognized",
    8: "called-AP-invocation-identifier-not-recognized", 9: "called-AE-qualifier-not-recognized",
    10: "called-AE-invocation-identifier-not-recognized", 11: "authentication-mechanism-name-not-recognized",
    12: "authentication-mechanism-name-required", 13: "authentication-failure", 14: "authentication-required",
}  # fmt: skip
PROVIDER_DIAGNOSTICS = {0: "null", 1: "no-reason-given", 2: "no-common-ACSE-version"}
RELEASE_REASONS = {0: "normal", 1: "urgent", 30: "user-defined"}
RELEASED_REASONS = {0: "normal", 1: "not-finished", 30: "user-defined"}
EXCEPTION_STATES = {1: "service-not-allowed", 2: "service-unknown"}
INVOCATION_COUNTER_ERROR = 6
EXCEPTION_SERVICES = {
    1: "operation-not-possible", 2: "service-not-supported", 3: "other-reason", 4: "pdu-too-long",
    5: "deciphering-error", INVOCATION_COUNTER_ERROR: "invocation-counter-error",
}  # fmt: skip
RESULTS = {int(result): result.name.lower().replace("_", "-") for result in DataAccess}
SELECTORS = {1: "range", 2: "entry"}

_CONFORMANCE = (
    "reserved-zero", "general-protection", "general-block-transfer", "read", "write", "unconfirmed-write",
    "delta-value-encoding", "reserved-seven", "attribute0-supported-with-set", "priority-mgmt-supported",
    "attribute0-supported-with-get", "block-transfer-with-get-or-read", "block-transfer-with-set-or-write",
    "block-transfer-with-action", "multiple-references", "information-report", "data-notification", "access",
    "parameterized-access", "get", "set", "selective-access", "event-notification", "action",
)  # fmt: skip
"""By bit; bit 0 comes first on the wire."""


def named(number: int, names: Mapping[int, str]) -> str:
    return f"{names.get(number, 'none of the standard')} ({number})"


def class_words(class_id: int) -> str:
    table = _TABLES.get(class_id)
    name = _OTHER_CLASSES.get(class_id, "") if table is None else table.name
    return f"{class_id} {name}".rstrip()


def member_words(class_id: int, kind: str, index: int) -> str:
    """kind: ATTRIBUTE or METHOD."""
    table = _TABLES.get(class_id)
    name = LOGICAL_NAME.name if kind == ATTRIBUTE and index == LOGICAL_NAME.index else ""
    if table is not None:
        found = (table.attribute_by_index if kind == ATTRIBUTE else table.method_by_index).get(index)
        name = "" if found is None else found.name
    return f"{index} {name}".rstrip()


def conformance_words(block: int) -> str:
    """block: 24 bits."""
    return ", ".join(name for bit, name in enumerate(_CONFORMANCE) if block >> (23 - bit) & 1) or "nothing"


def priority_words(octet: int) -> str:
    """Of an invoke-id-and-priority."""
    confirmed = "confirmed" if octet & 0x40 else "unconfirmed"
    return f"{octet & 0x0F}, {confirmed}, {'high' if octet & 0x80 else 'normal'} priority"


def long_priority_words(number: int) -> str:
    """Of a long-invoke-id-and-priority, 32 bits."""
    flags = ((28, "self-descriptive"), (29, "break-on-error"), (30, "confirmed"), (31, "high priority"))
    return ", ".join((str(number & 0xFF_FFFF), *(words for bit, words in flags if number >> bit & 1)))


def control_words(octet: int) -> str:
    """Of a security control octet."""
    flags = ((0x10, "authenticated"), (0x20, "encrypted"), (0x40, "broadcast key"), (0x80, "compressed"))
    return ", ".join((f"suite {octet & 0x0F}", *(words for bit, words in flags if octet & bit)))
