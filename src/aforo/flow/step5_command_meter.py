"""Step 5, Concentrator -> Meter: the requests of a visit. Interface I3; classes 3, 5, 8, 70 and 71 (IEC 62056-6-2)."""

from msgspec import Struct

from aforo import dlms
from aforo.dlms import data
from aforo.dlms.cosem.limiter import EmergencyProfile
from aforo.dlms.obis import obis
from aforo.domain.meter_models import LimitMethod, MeterModel

REGISTER = 3
CLOCK = 8
LIMITER = 71
THRESHOLD_EMERGENCY, EMERGENCY_PROFILE, EMERGENCY_GROUPS = 5, 8, 9
"""Attributes of the limiter by which a temporary limit is set."""

DISCONNECT_CONTROL = 70
DEMAND_REGISTER = 5
DEMAND_LAST, DEMAND_SCALER, DEMAND_CAPTURED, DEMAND_PERIOD = 3, 4, 6, 8
_SCALER_UNIT = {3: 3, 4: 3, 5: 4}
"""Attribute that holds scaler_unit, by interface class: Register, Extended register, Demand register."""


class ThresholdPlace(Struct, frozen=True):
    """The attribute in which a meter keeps a threshold."""

    class_id: int
    obis: bytes
    attribute: int


def threshold_places(model: MeterModel) -> tuple[ThresholdPlace, ...]:
    """All that must hold the limit."""
    if model.method is LimitMethod.LIMITER:
        return (ThresholdPlace(LIMITER, obis(model.limiter), 4),)
    return tuple(ThresholdPlace(REGISTER, obis(code), 2) for code in model.thresholds)


def get_threshold(place: ThresholdPlace) -> dlms.GetRequest:
    return dlms.GetRequest(place.class_id, place.obis, place.attribute)


def set_threshold(place: ThresholdPlace, tag: int, value: int) -> dlms.SetRequest:
    """tag: of the value the meter itself gave, so that its type is met exactly."""
    return dlms.SetRequest(place.class_id, place.obis, place.attribute, data.integer(tag, value))


def get_monitored_value(model: MeterModel) -> dlms.GetRequest:
    return dlms.GetRequest(LIMITER, obis(model.limiter), 2)


def get_scaler_unit(class_id: int, obis: bytes) -> dlms.GetRequest:
    return dlms.GetRequest(class_id, obis, _SCALER_UNIT.get(class_id, 3))


def get_threshold_active(model: MeterModel) -> dlms.GetRequest:
    return dlms.GetRequest(LIMITER, obis(model.limiter), 3)


def get_emergency_profile_active(model: MeterModel) -> dlms.GetRequest:
    return dlms.GetRequest(LIMITER, obis(model.limiter), 10)


def emergency_place(model: MeterModel) -> ThresholdPlace:
    return ThresholdPlace(LIMITER, obis(model.limiter), THRESHOLD_EMERGENCY)


def get_emergency(model: MeterModel, attribute: int) -> dlms.GetRequest:
    """attribute: one of those named above."""
    return dlms.GetRequest(LIMITER, obis(model.limiter), attribute)


def set_emergency_profile(model: MeterModel, profile: EmergencyProfile) -> dlms.SetRequest:
    return dlms.SetRequest(LIMITER, obis(model.limiter), EMERGENCY_PROFILE, profile.encoded())


def set_emergency_groups(model: MeterModel, groups: tuple[int, ...]) -> dlms.SetRequest:
    return dlms.SetRequest(LIMITER, obis(model.limiter), EMERGENCY_GROUPS, data.array(*map(data.u16, groups)))


def get_time() -> dlms.GetRequest:
    return dlms.GetRequest(CLOCK, obis("0-0:1.0.0.255"), 2)


def demand_place(demand: str) -> tuple[int, bytes, int]:
    """Class, logical name and attribute of the average of the last whole period."""
    return DEMAND_REGISTER, obis(demand), DEMAND_LAST


def get_demand(demand: str, attribute: int) -> dlms.GetRequest:
    """attribute: one of those named above."""
    return dlms.GetRequest(DEMAND_REGISTER, obis(demand), attribute)


def get_breaker_state(breaker: str) -> dlms.GetRequest:
    return dlms.GetRequest(DISCONNECT_CONTROL, obis(breaker), 3)


def get_breaker_output(breaker: str) -> dlms.GetRequest:
    return dlms.GetRequest(DISCONNECT_CONTROL, obis(breaker), 2)


def move_breaker(breaker: str, method: int) -> dlms.ActionRequest:
    """method: 1 remote_disconnect, 2 remote_reconnect; both take the integer 0."""
    return dlms.ActionRequest(DISCONNECT_CONTROL, obis(breaker), method, data.i8(0))
