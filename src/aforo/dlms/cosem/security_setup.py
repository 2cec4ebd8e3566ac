"""Security setup, class_id 64, version 1 (IEC 62056-6-2): how an association is protected. Its methods stay closed."""

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import LOGICAL_NAME, Attribute, InterfaceClass, InterfaceObject, Method
from aforo.dlms.keys import SystemTitle

SECURITY_SETUP = InterfaceClass(
    64,
    1,
    "Security setup",
    (
        LOGICAL_NAME,
        Attribute(2, "security_policy", data.ENUM),
        Attribute(3, "security_suite", data.ENUM),
        Attribute(4, "client_system_title", data.OCTET_STRING),
        Attribute(5, "server_system_title", data.OCTET_STRING),
        Attribute(6, "certificates", data.ARRAY),
    ),
    (
        Method(1, "security_activate", data.ENUM),
        Method(2, "key_transfer", data.ARRAY),
        Method(3, "key_agreement", data.ARRAY),
        Method(4, "generate_key_pair", data.ENUM),
        Method(5, "generate_certificate_request", data.ENUM),
        Method(6, "import_certificate", data.OCTET_STRING),
        Method(7, "export_certificate", data.STRUCTURE),
        Method(8, "remove_certificate", data.STRUCTURE),
    ),
)
ALL_AUTHENTICATED_AND_ENCRYPTED = 0x6C
"""Bits 2 and 3: requests authenticated, encrypted; bits 5 and 6: responses."""


class SecuritySetup(InterfaceObject):
    """client: None while it is not known."""

    table = SECURITY_SETUP

    __slots__ = ("_client", "_server", "_suite")

    def __init__(self, logical_name: bytes, *, suite: int, client: SystemTitle | None, server: SystemTitle) -> None:
        super().__init__(logical_name)
        self._suite = suite
        self._client = client
        self._server = server

    def _get(self, attribute: int) -> bytes:
        match attribute:
            case 2:
                return data.enum(ALL_AUTHENTICATED_AND_ENCRYPTED)
            case 3:
                return data.enum(self._suite)
            case 4:
                return data.octets(b"" if self._client is None else self._client.octets)
            case 5:
                return data.octets(self._server.octets)
            case 6:
                return data.array()
        return super()._get(attribute)
