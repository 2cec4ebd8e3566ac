"""First octets of the services, and their forms (IEC 62056-5-3, COSEMpdu)."""

INITIATE_REQUEST, INITIATE_RESPONSE, CONFIRMED_SERVICE_ERROR = 0x01, 0x08, 0x0E
DATA_NOTIFICATION, DATA_NOTIFICATION_CONFIRM, EXCEPTION_RESPONSE = 0x0F, 0x10, 0xD8
GET_REQUEST, SET_REQUEST, EVENT_NOTIFICATION, ACTION_REQUEST = 0xC0, 0xC1, 0xC2, 0xC3
GET_RESPONSE, SET_RESPONSE, ACTION_RESPONSE = 0xC4, 0xC5, 0xC7
ACCESS_REQUEST, ACCESS_RESPONSE = 0xD9, 0xDA
GENERAL_BLOCK_TRANSFER = 0xE0
REQUESTS = {GET_REQUEST, SET_REQUEST, ACTION_REQUEST}
"""Those with an invoke-id of four bits, and forms in lists and blocks."""

RESPONSES = {GET_RESPONSE, SET_RESPONSE, ACTION_RESPONSE}

NORMAL = 1
CONFIRMED, HIGH = 0x40, 0x80
"""Of an invoke-id-and-priority, whose lower four bits are the invoke-id."""


def is_confirmed(priority: int) -> bool:
    """An unconfirmed request is carried out and not answered."""
    return bool(priority & CONFIRMED)
