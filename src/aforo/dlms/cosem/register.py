"""Register, class_id 3, version 0 (IEC 62056-6-2): a measured value with its scale and unit."""

from collections.abc import Callable
from dataclasses import replace

from msgspec import Struct

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Access, Attribute, InterfaceClass, InterfaceObject, Method
from aforo.dlms.errors import malformed
from aforo.dlms.events import DataAccess
from aforo.dlms.server import AccessRefused

REGISTER = InterfaceClass(
    3,
    0,
    "Register",
    (LOGICAL_NAME, Attribute(2, "value", None), Attribute(3, "scaler_unit", data.STRUCTURE)),
    (Method(1, "reset", data.INTEGER),),
)
WRITABLE_REGISTER = replace(
    REGISTER,
    attributes=(LOGICAL_NAME, Attribute(2, "value", None, Access.READ_WRITE), REGISTER.attributes[2]),
)
WATT, WATT_HOUR = 27, 30
_VALUE = 2


class ScalerUnit(Struct, frozen=True):
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


def read_scaler_unit(encoded: bytes) -> ScalerUnit:
    """Of classes 3, 4 and 5. Raises RemoteProtocolError (MALFORMED)."""
    match REGISTER.decode("scaler_unit", encoded):
        case (int(scaler), int(unit)):
            return ScalerUnit(scaler, unit)
    raise malformed("scaler_unit is a power of ten and a unit")


class WritableRegister(Register):
    """One that a client may set, such as a threshold. highest: largest value that it takes; of the type it gives."""

    table = WRITABLE_REGISTER

    __slots__ = ("_highest", "_store")

    def __init__(
        self,
        logical_name: bytes,
        value: Callable[[], bytes],
        scaler_unit: ScalerUnit,
        *,
        store: Callable[[int], None],
        highest: int,
    ) -> None:
        super().__init__(logical_name, value, scaler_unit)
        self._store = store
        self._highest = highest

    def _set(self, attribute: int, value: data.Value, encoded: bytes) -> None:
        if attribute != _VALUE:
            super()._set(attribute, value, encoded)
        if encoded[0] != self._value()[0] or not isinstance(value, int):
            raise AccessRefused(DataAccess.TYPE_UNMATCHED)
        if not 0 <= value <= self._highest:
            raise AccessRefused(DataAccess.OTHER_REASON)
        self._store(value)
