"""Data, class_id 1, version 0 (IEC 62056-6-2): one value."""

from collections.abc import Callable

from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Attribute, InterfaceClass, InterfaceObject

DATA = InterfaceClass(1, 0, "Data", (LOGICAL_NAME, Attribute(2, "value", None)))


class DataObject(InterfaceObject):
    """value: encoded, asked for at every read."""

    table = DATA

    __slots__ = ("_value",)

    def __init__(self, logical_name: bytes, value: Callable[[], bytes]) -> None:
        super().__init__(logical_name)
        self._value = value

    def _get(self, attribute: int) -> bytes:
        return self._value() if attribute == 2 else super()._get(attribute)
