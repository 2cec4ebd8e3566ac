"""SAP assignment, class_id 17, version 0 (IEC 62056-6-2): which logical devices stand behind which address."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Attribute, InterfaceClass, InterfaceObject, Method

SAP_ASSIGNMENT = InterfaceClass(
    17,
    0,
    "SAP assignment",
    (LOGICAL_NAME, Attribute(2, "sap_assignment_list", data.ARRAY)),
    (Method(1, "connect_logical_device", data.STRUCTURE),),
)


class SapAssignment(InterfaceObject):
    """devices: logical device name by service access point."""

    table = SAP_ASSIGNMENT

    __slots__ = ("_devices",)

    def __init__(self, logical_name: bytes, devices: dict[int, bytes]) -> None:
        super().__init__(logical_name)
        self._devices = devices

    def _get(self, attribute: int) -> bytes:
        if attribute != 2:
            return super()._get(attribute)
        return data.array(
            *(data.structure(data.u16(sap), data.octets(name)) for sap, name in sorted(self._devices.items()))
        )
