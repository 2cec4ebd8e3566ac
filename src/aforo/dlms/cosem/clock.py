"""Clock, class_id 8, version 0 (IEC 62056-6-2): the device's own time."""

from collections.abc import Callable
from datetime import datetime, timedelta

from aforo.dlms import data, dates
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, InterfaceObject, Method
from aforo.dlms.errors import RemoteProtocolError
from aforo.dlms.events import DataAccess
from aforo.dlms.server import AccessRefused

CLOCK = InterfaceClass(
    8,
    0,
    "Clock",
    (
        LOGICAL_NAME,
        Attribute(2, "time", data.OCTET_STRING, Access.READ_WRITE),
        Attribute(3, "time_zone", data.LONG),
        Attribute(4, "status", data.UNSIGNED),
        Attribute(5, "daylight_savings_begin", data.OCTET_STRING),
        Attribute(6, "daylight_savings_end", data.OCTET_STRING),
        Attribute(7, "daylight_savings_deviation", data.INTEGER),
        Attribute(8, "daylight_savings_enabled", data.BOOLEAN),
        Attribute(9, "clock_base", data.ENUM),
    ),
    (
        Method(1, "adjust_to_quarter", data.INTEGER),
        Method(2, "adjust_to_measuring_period", data.INTEGER),
        Method(3, "adjust_to_minute", data.INTEGER),
        Method(4, "adjust_to_preset_time", data.INTEGER),
        Method(5, "preset_adjusting_time", data.STRUCTURE),
        Method(6, "shift_time", data.LONG, is_open=True),
    ),
)
SHIFT_S_MAX = 900
"""shift_time takes -900 to 900 s."""

YEARS = range(2000, 2100)
"""What a device's calendar holds; sums with any duration of 32 bits stay within ours."""

_UNSPECIFIED = bytes.fromhex("ffffffffffffffffff800000")
_INTERNAL_CRYSTAL = 1


class Clock(InterfaceObject):
    """time: the device's, aware.   adjust: called with the time that the device shall have now."""

    table = CLOCK

    __slots__ = ("_adjust", "_time")

    def __init__(
        self, logical_name: bytes, *, time: Callable[[], datetime], adjust: Callable[[datetime], None]
    ) -> None:
        super().__init__(logical_name)
        self._time = time
        self._adjust = adjust

    def _get(self, attribute: int) -> bytes:
        match attribute:
            case 2:
                return data.octets(dates.encode(self._time()))
            case 3:
                offset = self._time().utcoffset() or timedelta(0)
                return data.i16(-int(offset.total_seconds() // 60))
            case 4:
                return data.u8(0)
            case 5 | 6:
                return data.octets(_UNSPECIFIED)
            case 7:
                return data.i8(0)
            case 8:
                return data.boolean(False)
            case 9:
                return data.enum(_INTERNAL_CRYSTAL)
        return super()._get(attribute)

    def _set(self, attribute: int, value: data.Value, encoded: bytes) -> None:
        if attribute != 2:
            super()._set(attribute, value, encoded)
        assert isinstance(value, bytes), "the table says octet-string"
        try:
            told = dates.decode(value)
        except RemoteProtocolError as wrong:
            raise AccessRefused(DataAccess.TYPE_UNMATCHED) from wrong
        self._adjust_to(told)

    def _invoke(self, method: int, parameter: data.Value) -> None:
        if method != 6:
            super()._invoke(method, parameter)
        assert isinstance(parameter, int), "the table says long"
        if abs(parameter) > SHIFT_S_MAX:
            raise AccessRefused(DataAccess.OTHER_REASON)
        self._adjust_to(self._time() + timedelta(seconds=parameter))

    def _adjust_to(self, time: datetime | None) -> None:
        if time is None or time.year not in YEARS:
            raise AccessRefused(DataAccess.OTHER_REASON)
        self._adjust(time)
