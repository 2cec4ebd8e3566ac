"""Register, class_id 3, version 0 (IEC 62056-6-2): a measured value with its scale and unit."""

from collections.abc import Callable
from dataclasses import dataclass

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Attribute, InterfaceClass, InterfaceObject, Method

REGISTER = InterfaceClass(
    3,
    0,
    "Register",
    (LOGICAL_NAME, Attribute(2, "value", None), Attribute(3, "scaler_unit", data.STRUCTURE)),
    (Method(1, "reset", data.INTEGER),),
)
WATT, WATT_HOUR = 27, 30


@dataclass(frozen=True, slots=True)
class ScalerUnit:
    """scaler: the value counts in 10^scaler units.   unit: code of the table of units."""

    scaler: int
    unit: int

    def encoded(self) -> bytes:
        return data.structure(data.i8(self.scaler), data.enum(self.unit))


class Register(InterfaceObject):
    """value: encoded, asked for at every read."""

    table = REGISTER

    __slots__ = ("_scaler_unit", "_value")

    def __init__(self, logical_name: bytes, value: Callable[[], bytes], scaler_unit: ScalerUnit) -> None:
        super().__init__(logical_name)
        self._value = value
        self._scaler_unit = scaler_unit

    def _get(self, attribute: int) -> bytes:
        match attribute:
            case 2:
                return self._value()
            case 3:
                return self._scaler_unit.encoded()
        return super()._get(attribute)
