"""Step 6, Meter -> Concentrator: what the meter's answers mean for the order."""

from datetime import datetime

from msgspec import Struct

from aforo import dlms
from aforo.dlms import DataAccess, data, dates
from aforo.dlms.cosem.limiter import EmergencyProfile, read_emergency_profile
from aforo.dlms.obis import show
from aforo.domain.causes import Cause
from aforo.domain.meter_models import VerifyRule
from aforo.domain.readback import Breaker, CommandResult, Readback, SupplyReadback, Verdict

WATT = 27
"""Unit code of active power (IEC 62056-6-2, table of units)."""

_HIGHEST = {
    0x0F: 2**7 - 1,
    0x10: 2**15 - 1,
    0x05: 2**31 - 1,
    0x14: 2**63 - 1,
    0x11: 2**8 - 1,
    0x12: 2**16 - 1,
    0x06: 2**32 - 1,
    0x15: 2**64 - 1,
}
"""Integer type tags and their largest value."""

CAUSE_OF = {
    DataAccess.HARDWARE_FAULT: Cause.HARDWARE_FAULT,
    DataAccess.TEMPORARY_FAILURE: Cause.TEMPORARY_FAILURE,
    DataAccess.READ_WRITE_DENIED: Cause.ACCESS_DENIED,
    DataAccess.OBJECT_UNDEFINED: Cause.OBJECT_UNDEFINED,
    DataAccess.OBJECT_CLASS_INCONSISTENT: Cause.OBJECT_UNDEFINED,
    DataAccess.OBJECT_UNAVAILABLE: Cause.OBJECT_UNAVAILABLE,
    DataAccess.TYPE_UNMATCHED: Cause.TYPE_UNMATCHED,
    DataAccess.SCOPE_OF_ACCESS_VIOLATED: Cause.ACCESS_DENIED,
}
"""Data-Access-Result to reason; what is not here is METER_REFUSED with its number."""

_ABSENT = {
    DataAccess.READ_WRITE_DENIED,
    DataAccess.OBJECT_UNDEFINED,
    DataAccess.OBJECT_CLASS_INCONSISTENT,
    DataAccess.OBJECT_UNAVAILABLE,
    DataAccess.SCOPE_OF_ACCESS_VIOLATED,
    DataAccess.OTHER_REASON,
}
"""Answers by which a meter says that it lacks an optional attribute."""


SCALE_NOT_TOLD = frozenset(
    {Cause.SCALE_UNREADABLE, Cause.OBJECT_UNDEFINED, Cause.OBJECT_UNAVAILABLE, Cause.ACCESS_DENIED, Cause.METER_REFUSED}
)
"""Reasons for which the scale of the monitored register stays unknown, while the limiter itself may well be there."""


class VisitFailed(Exception):
    """The visit ends here with a KO."""

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(detail)
        self.result = CommandResult(Verdict.KO, cause, detail)


class Monitored(Struct, frozen=True):
    """The attribute that the limiter watches."""

    class_id: int
    obis: bytes
    attribute: int

    def __str__(self) -> str:
        return f"class {self.class_id}, {show(self.obis)}, attribute {self.attribute}"


class Threshold(Struct, frozen=True):
    """tag: the meter's own type.   highest: what that type can hold."""

    tag: int
    value: int
    highest: int


def refused(result: DataAccess, doing: str) -> VisitFailed:
    cause = CAUSE_OF.get(result, Cause.METER_REFUSED)
    return VisitFailed(cause, f"{doing}: {result.name.lower().replace('_', '-')}({result.value})")


def _data(response: dlms.Response, doing: str) -> bytes:
    if not isinstance(response, dlms.GetResponse):
        raise VisitFailed(Cause.PROTOCOL_FAULT, f"{doing}: the meter answered another service")
    if response.result is not DataAccess.SUCCESS or response.data is None:
        raise refused(response.result, doing)
    return response.data


def _decoded(raw: bytes, doing: str) -> data.Value:
    try:
        return data.decode(raw)
    except dlms.RemoteProtocolError as wrong:
        raise VisitFailed(Cause.PROTOCOL_FAULT, f"{doing}: {wrong}") from wrong


def read_monitored_value(response: dlms.Response) -> Monitored:
    doing = "reading which register the limiter monitors"
    try:
        value = _decoded(_data(response, doing), doing)
    except VisitFailed as failed:
        if failed.result.cause in (Cause.ACCESS_DENIED, Cause.METER_REFUSED):
            raise VisitFailed(Cause.SCALE_UNREADABLE, failed.result.detail) from failed
        raise
    match value:
        case (int(class_id), bytes(obis), int(attribute)) if len(obis) == 6:
            return Monitored(class_id, obis, attribute)
    raise VisitFailed(Cause.SCALE_UNREADABLE, f"{doing}: {value!r} is not a reference to an attribute")


def read_scaler(response: dlms.Response, monitored: Monitored) -> int:
    """The power of ten. Raises VisitFailed when it cannot be read, or when the register does not measure watts."""
    doing = f"reading the scale of {monitored}"
    try:
        value = _decoded(_data(response, doing), doing)
    except VisitFailed as failed:
        raise VisitFailed(Cause.SCALE_UNREADABLE, failed.result.detail) from failed
    match value:
        case (int(scaler), int(unit)):
            if unit != WATT:
                raise VisitFailed(Cause.NOT_A_POWER, f"{doing}: its unit is number {unit}, not watts({WATT})")
            if not -12 <= scaler <= 12:
                raise VisitFailed(Cause.SCALE_UNREADABLE, f"{doing}: 10^{scaler} W is no scale of a limit")
            return scaler
    raise VisitFailed(Cause.SCALE_UNREADABLE, f"{doing}: {value!r} is not a scaler and a unit")


def read_threshold(response: dlms.Response) -> Threshold:
    doing = "reading the threshold"
    raw = _data(response, doing)
    tag = raw[0] if raw else 0
    value = _decoded(raw, doing)
    if tag not in _HIGHEST or not isinstance(value, int):
        raise VisitFailed(Cause.TYPE_UNMATCHED, f"{doing}: {value!r} is not a whole number")
    return Threshold(tag, value, _HIGHEST[tag])


def check_written(response: dlms.Response, *, written: int = 0, of: int = 1) -> None:
    """written: thresholds of the same order that the meter has taken before this one."""
    check_set(response, "threshold_normal" if of == 1 else f"threshold {written + 1} of {of}, after {written}")


def check_set(response: dlms.Response, what: str) -> None:
    doing = f"writing {what}"
    if not isinstance(response, dlms.SetResponse):
        raise VisitFailed(Cause.PROTOCOL_FAULT, f"{doing}: the meter answered another service")
    if response.result is not DataAccess.SUCCESS:
        raise refused(response.result, doing)


def _optional(response: dlms.Response, doing: str) -> data.Value:
    if isinstance(response, dlms.GetResponse) and response.result in _ABSENT:
        return None
    return _decoded(_data(response, doing), doing)


def read_optional_integer(response: dlms.Response) -> int | None:
    """None when the meter has no such attribute."""
    value = _optional(response, "reading threshold_active")
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise VisitFailed(Cause.TYPE_UNMATCHED, f"reading threshold_active: {value!r} is not a whole number")


def read_optional_boolean(response: dlms.Response) -> bool | None:
    value = _optional(response, "reading emergency_profile_active")
    return None if value is None else bool(value)


def read_average(response: dlms.Response) -> int:
    return _whole(response, "reading the demand")


def read_period(response: dlms.Response) -> int:
    """In seconds."""
    return _whole(response, "reading the demand period")


def _whole(response: dlms.Response, doing: str) -> int:
    value = _decoded(_data(response, doing), doing)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise VisitFailed(Cause.TYPE_UNMATCHED, f"{doing}: {value!r} is not a whole number")


def read_capture_time(response: dlms.Response) -> datetime | None:
    """By the meter's clock; None when it tells no moment."""
    return _moment(response, "reading when the demand was captured")


def _moment(response: dlms.Response, doing: str) -> datetime | None:
    value = _decoded(_data(response, doing), doing)
    try:
        return dates.decode(value) if isinstance(value, bytes) else None
    except dlms.RemoteProtocolError:
        return None


def read_time(response: dlms.Response) -> datetime | None:
    """By the meter's clock; None when it does not tell which moment that is."""
    return _moment(response, "reading the meter's clock")


def read_profile(response: dlms.Response) -> EmergencyProfile:
    doing = "reading the emergency profile"
    raw = _data(response, doing)
    try:
        return read_emergency_profile(raw)
    except dlms.RemoteProtocolError as wrong:
        raise VisitFailed(Cause.PROTOCOL_FAULT, f"{doing}: {wrong}") from wrong


def read_groups(response: dlms.Response) -> tuple[int, ...]:
    doing = "reading the emergency profile's groups"
    value = _decoded(_data(response, doing), doing)
    if isinstance(value, tuple):
        return tuple(each for each in value if isinstance(each, int))
    raise VisitFailed(Cause.TYPE_UNMATCHED, f"{doing}: {value!r} is not an array")


def read_breaker(response: dlms.Response) -> Breaker | None:
    """None when the meter has no switch, or tells a state outside the standard."""
    value = _optional(response, "reading the breaker's state")
    return Breaker(value) if isinstance(value, int) and value in (0, 1, 2) else None


def read_switch(response: dlms.Response) -> Breaker:
    """control_state, of a meter that must have one. Raises VisitFailed."""
    doing = "reading the state of the supply switch"
    value = _decoded(_data(response, doing), doing)
    if isinstance(value, int) and value in (0, 1, 2):
        return Breaker(value)
    raise VisitFailed(Cause.PROTOCOL_FAULT, f"{doing}: {value!r} is no control_state")


def read_output(response: dlms.Response) -> bool | None:
    """output_state; None when the meter has no such attribute."""
    value = _optional(response, "reading output_state")
    return None if value is None else bool(value)


def check_moved(response: dlms.Response, command: str) -> None:
    doing = f"invoking {command}"
    if not isinstance(response, dlms.ActionResponse):
        raise VisitFailed(Cause.PROTOCOL_FAULT, f"{doing}: the meter answered another service")
    if response.result is not DataAccess.SUCCESS:
        raise refused(response.result, doing)


def judge_switch(readback: SupplyReadback, *, holds: bool, wanted: Breaker) -> CommandResult:
    """wanted: the control_state that the command leads to."""
    if holds:
        return CommandResult(Verdict.OK, readback=readback)
    output = "" if readback.output is None else f", output_state {str(readback.output).lower()}"
    detail = f"control_state {readback.state.name.lower()}{output}"
    cause = Cause.BREAKER_STUCK if readback.state is wanted else Cause.VERIFY_MISMATCH
    return CommandResult(Verdict.KO, cause, detail, readback)


def judge(readback: Readback, wanted: int, rule: VerifyRule) -> CommandResult:
    """OK when the meter itself shows the raw value wanted, both as kept and, as the rule has it, as compared with now.

    While an emergency profile of somebody else is active the meter compares with another threshold: that is said, not
    refused.
    """
    did = "found" if readback.written is None else "wrote"
    if readback.threshold != wanted:
        detail = f"{did} {wanted}, read back {readback.threshold}"
        return CommandResult(Verdict.KO, Cause.VERIFY_MISMATCH, detail, readback)
    if rule is VerifyRule.ACTIVE and readback.active is None:
        detail = f"{did} {wanted}, but the meter does not tell what it compares with"
        return CommandResult(Verdict.KO, Cause.VERIFY_MISMATCH, detail, readback)
    if rule is not VerifyRule.KEPT and readback.active is not None and readback.active != wanted:
        if readback.emergency and readback.restores_at is None:
            detail = "held; the meter applies its emergency profile now"
            return CommandResult(Verdict.OK, None, detail, readback)
        detail = f"{did} {wanted}, but the meter compares with {readback.active}"
        return CommandResult(Verdict.KO, Cause.VERIFY_MISMATCH, detail, readback)
    return CommandResult(Verdict.OK, readback=readback)
