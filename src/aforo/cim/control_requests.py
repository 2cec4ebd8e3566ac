"""What a commercial system may ask for, whatever message carries it: an order for each meter, and questions."""

from decimal import Decimal

from msgspec import Struct

from aforo.cim.message import Header
from aforo.cim.refusal import Refusal

CANONICAL = "iec"
"""The dialect of our own contract; see `aforo.cim.dialects`."""


class Option(Struct, frozen=True):
    """Request/Option."""

    name: str
    value: str


class ControlRequest(Struct, frozen=True, kw_only=True):
    """An order for one meter. number: issuerTrackingID, empty when the sender left it to us.

    control_type: EndDeviceControlType, of whatever meaning.   watts: exact, of whatever sign and size; None when no
    power is told.   usage_point: where the meter stands, when the sender names it so; meter may then be empty.
    part: tells the orders of one message apart that have no number of their own; empty for the only one.
    changes: it changes an earlier order under its number, and is none of its own.   dialect: in which it was written.
    root: local name of its message.   meter_at, watts_at, control_type_at, number_at: where they stood, or belong, for
    a refusal.
    """

    header: Header
    number: str
    meter: str
    control_type: str
    watts: Decimal | None = None
    reason: str = ""
    options: tuple[Option, ...] = ()
    language: str = "es"
    usage_point: str = ""
    part: str = ""
    changes: bool = False
    dialect: str = CANONICAL
    root: str = "CreateEndDeviceControls"
    meter_at: str = ""
    watts_at: str = ""
    control_type_at: str = ""
    number_at: str = ""


class RefusedControl(Struct, frozen=True, kw_only=True):
    """One of several orders in a message that cannot be accepted, as others can. meter, number: as far as told."""

    meter: str
    number: str
    refusal: Refusal


class GetRequest(Struct, frozen=True, kw_only=True):
    """How does the order under this number stand? correlation_id: or those of the message that had it."""

    header: Header
    number: str = ""
    correlation_id: str = ""
    language: str = "es"


class CancelRequest(Struct, frozen=True, kw_only=True):
    """The order under this number is not to be carried out, if it has not been already."""

    header: Header
    number: str
    reason: str = ""
    language: str = "es"
