"""Limiter, class_id 71, version 0 (IEC 62056-6-2): thresholds on a monitored value, normal and emergency.

The class has no scaler: a threshold has the type and the scale of the attribute that is monitored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aforo.dlms import data, dates
from aforo.dlms.cosem.clock import YEARS
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, InterfaceObject
from aforo.dlms.errors import RemoteProtocolError, malformed
from aforo.dlms.events import DataAccess
from aforo.dlms.server import AccessRefused

LIMITER = InterfaceClass(
    71,
    0,
    "Limiter",
    (
        LOGICAL_NAME,
        Attribute(2, "monitored_value", data.STRUCTURE),
        Attribute(3, "threshold_active", None),
        Attribute(4, "threshold_normal", None, Access.READ_WRITE),
        Attribute(5, "threshold_emergency", None, Access.READ_WRITE),
        Attribute(6, "min_over_threshold_duration", data.DOUBLE_LONG_UNSIGNED, Access.READ_WRITE),
        Attribute(7, "min_under_threshold_duration", data.DOUBLE_LONG_UNSIGNED, Access.READ_WRITE),
        Attribute(8, "emergency_profile", data.STRUCTURE, Access.READ_WRITE),
        Attribute(9, "emergency_profile_group_id_list", data.ARRAY, Access.READ_WRITE),
        Attribute(10, "emergency_profile_active", data.BOOLEAN),
        Attribute(11, "actions", data.STRUCTURE),
    ),
)
GROUPS_MAX = 32
"""Longest emergency_profile_group_id_list that is kept."""

_U16_MAX, _U32_MAX = 0xFFFF, 0xFFFF_FFFF
_UNSPECIFIED = bytes.fromhex("ffffffffffffffffff800000")


@dataclass(frozen=True, slots=True)
class EmergencyProfile:
    """begins: 12 octets of date-time; a moment that is not wholly specified never comes.   lasts_s: seconds."""

    profile_id: int = 0
    begins: bytes = _UNSPECIFIED
    lasts_s: int = 0

    def encoded(self) -> bytes:
        return data.structure(data.u16(self.profile_id), data.octets(self.begins), data.u32(self.lasts_s))


NO_EMERGENCY = EmergencyProfile()


@dataclass(slots=True, kw_only=True)
class LimiterState:
    """What a limiter keeps. Thresholds in the scale of the monitored attribute, durations in seconds."""

    threshold_normal: int
    threshold_emergency: int
    min_over_s: int
    min_under_s: int
    profile: EmergencyProfile = NO_EMERGENCY
    groups: tuple[int, ...] = ()

    def emergency(self) -> tuple[datetime, datetime] | None:
        """From when until when, by the device's clock, the emergency threshold applies; the end is not included."""
        if self.profile is NO_EMERGENCY or self.profile.profile_id not in self.groups:
            return None
        begins = dates.decode(self.profile.begins)
        return None if begins is None else (begins, begins + timedelta(seconds=self.profile.lasts_s))

    def is_emergency(self, at: datetime) -> bool:
        window = self.emergency()
        return window is not None and window[0] <= at < window[1]

    def threshold_active(self, at: datetime) -> int:
        return self.threshold_emergency if self.is_emergency(at) else self.threshold_normal


@dataclass(frozen=True, slots=True)
class Monitored:
    """The attribute watched. tag: its type.   highest: largest threshold that the device takes."""

    class_id: int
    logical_name: bytes
    attribute: int
    tag: int
    highest: int


class Limiter(InterfaceObject):
    """time: the device's clock.   script_table: where the actions over (script 1) and under (script 2) stand."""

    table = LIMITER

    __slots__ = ("_monitored", "_script_table", "_state", "_time")

    def __init__(
        self,
        logical_name: bytes,
        state: LimiterState,
        monitored: Monitored,
        *,
        time: Callable[[], datetime],
        script_table: bytes,
    ) -> None:
        super().__init__(logical_name)
        self._state = state
        self._monitored = monitored
        self._time = time
        self._script_table = script_table

    def _get(self, attribute: int) -> bytes:
        state, monitored = self._state, self._monitored
        match attribute:
            case 2:
                name = data.octets(monitored.logical_name)
                return data.structure(data.u16(monitored.class_id), name, data.i8(monitored.attribute))
            case 3:
                return data.integer(monitored.tag, state.threshold_active(self._time()))
            case 4:
                return data.integer(monitored.tag, state.threshold_normal)
            case 5:
                return data.integer(monitored.tag, state.threshold_emergency)
            case 6:
                return data.u32(state.min_over_s)
            case 7:
                return data.u32(state.min_under_s)
            case 8:
                return state.profile.encoded()
            case 9:
                return data.array(*map(data.u16, state.groups))
            case 10:
                return data.boolean(state.is_emergency(self._time()))
            case 11:
                return data.structure(self._script(1), self._script(2))
        return super()._get(attribute)

    def _script(self, selector: int) -> bytes:
        return data.structure(data.octets(self._script_table), data.u16(selector))

    def _set(self, attribute: int, value: data.Value, encoded: bytes) -> None:
        state = self._state
        match attribute:
            case 4:
                state.threshold_normal = self._threshold(value, encoded[0])
            case 5:
                state.threshold_emergency = self._threshold(value, encoded[0])
            case 6:
                state.min_over_s = _whole(value)
            case 7:
                state.min_under_s = _whole(value)
            case 8:
                state.profile = _profile(value, encoded)
            case 9:
                state.groups = _groups(value, encoded)
            case _:
                super()._set(attribute, value, encoded)

    def _threshold(self, value: data.Value, tag: int) -> int:
        if tag != self._monitored.tag:
            raise AccessRefused(DataAccess.TYPE_UNMATCHED)
        threshold = _whole(value)
        if not 0 <= threshold <= self._monitored.highest:
            raise AccessRefused(DataAccess.OTHER_REASON)
        return threshold


def _whole(value: data.Value) -> int:
    assert isinstance(value, int), "its tag is that of a whole number"
    return value


def _profile(value: data.Value, encoded: bytes) -> EmergencyProfile:
    """Its elements have the types of the class exactly when they are encoded again as they came."""
    match value:
        case (int(profile_id), bytes(begins), int(lasts_s)) if 0 <= profile_id <= _U16_MAX and 0 <= lasts_s <= _U32_MAX:
            profile = EmergencyProfile(profile_id, begins, lasts_s)
            if profile.encoded() == encoded:
                _check_begin(begins)
                return profile
    raise AccessRefused(DataAccess.TYPE_UNMATCHED)


def _check_begin(octets: bytes) -> None:
    try:
        begins = dates.decode(octets)
    except RemoteProtocolError as wrong:
        raise AccessRefused(DataAccess.TYPE_UNMATCHED) from wrong
    if begins is not None and begins.year not in YEARS:
        raise AccessRefused(DataAccess.OTHER_REASON)


def _groups(value: data.Value, encoded: bytes) -> tuple[int, ...]:
    assert isinstance(value, tuple), "the table says array"
    if len(value) > GROUPS_MAX:
        raise AccessRefused(DataAccess.OTHER_REASON)
    groups = tuple(each for each in value if isinstance(each, int) and 0 <= each <= _U16_MAX)
    if data.array(*map(data.u16, groups)) != encoded:
        raise AccessRefused(DataAccess.TYPE_UNMATCHED)
    return groups


@dataclass(frozen=True, slots=True)
class MonitoredValue:
    class_id: int
    obis: bytes
    attribute: int


def read_monitored_value(encoded: bytes) -> MonitoredValue:
    """A client's view of attribute 2. Raises RemoteProtocolError (MALFORMED)."""
    match LIMITER.decode("monitored_value", encoded):
        case (int(class_id), bytes(obis), int(attribute)) if len(obis) == 6:
            return MonitoredValue(class_id, obis, attribute)
    raise malformed("a monitored value is class, logical name and attribute")


def read_emergency_profile(encoded: bytes) -> EmergencyProfile:
    """A client's view of attribute 8. Raises RemoteProtocolError (MALFORMED)."""
    match LIMITER.decode("emergency_profile", encoded):
        case (int(profile_id), bytes(begins), int(lasts_s)) if len(begins) == dates.OCTETS:
            return EmergencyProfile(profile_id, begins, lasts_s)
    raise malformed("an emergency profile is number, begin and duration")
