"""Association LN, class_id 15, version 1 (IEC 62056-6-2): what a client may see and do in the running association."""

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import Struct

from aforo.dlms import data
from aforo.dlms.cosem.interface_class import (
    LOGICAL_NAME,
    Access,
    Attribute,
    InterfaceClass,
    InterfaceObject,
    Method,
)
from aforo.dlms.errors import malformed
from aforo.dlms.events import Conformance
from aforo.dlms.server import CosemObject
from aforo.dlms.settings import Mechanism

ASSOCIATION_LN = InterfaceClass(
    15,
    1,
    "Association LN",
    (
        LOGICAL_NAME,
        Attribute(2, "object_list", data.ARRAY),
        Attribute(3, "associated_partners_id", data.STRUCTURE),
        Attribute(4, "application_context_name", data.OCTET_STRING),
        Attribute(5, "xDLMS_context_info", data.STRUCTURE),
        Attribute(6, "authentication_mechanism_name", data.OCTET_STRING),
        Attribute(7, "secret", data.OCTET_STRING, Access.NONE),
        Attribute(8, "association_status", data.ENUM),
        Attribute(9, "security_setup_reference", data.OCTET_STRING),
    ),
    (
        Method(1, "reply_to_HLS_authentication", data.OCTET_STRING),
        Method(2, "change_HLS_secret", data.OCTET_STRING),
        Method(3, "add_object", data.STRUCTURE),
        Method(4, "remove_object", data.STRUCTURE),
    ),
)
"""reply_to_HLS_authentication is answered by the association itself, before any object is reached."""

_CONTEXT_NAME = bytes.fromhex("608574050801")
_MECHANISM_NAME = bytes.fromhex("608574050802")
_LOGICAL_NAMES, _LOGICAL_NAMES_CIPHERED = 1, 3
_DLMS_VERSION = 6
_ASSOCIATED = 2
_METHOD_ACCESS = 1


class AssociationFacts(Struct, frozen=True, kw_only=True):
    """max_receive, max_send: longest APDU in octets, seen from the server.

    security_setup: logical name of the object; empty without ciphering.
    """

    client_sap: int
    server_sap: int
    mechanism: Mechanism
    conformance: Conformance
    max_receive: int
    max_send: int
    security_setup: bytes = b""

    @property
    def is_ciphered(self) -> bool:
        return bool(self.security_setup)


class AssociationLn(InterfaceObject):
    """others: every object that this client sees, but this one.   read_only: what the client may do with them."""

    table = ASSOCIATION_LN

    __slots__ = ("_facts", "_others", "_read_only")

    def __init__(
        self,
        logical_name: bytes,
        facts: AssociationFacts,
        others: Iterable[CosemObject],
        *,
        read_only: bool = False,
    ) -> None:
        super().__init__(logical_name)
        self._facts = facts
        self._others = tuple(others)
        self._read_only = read_only

    def _get(self, attribute: int) -> bytes:
        facts = self._facts
        match attribute:
            case 2:
                listed: tuple[CosemObject, ...] = (*self._others, self)
                return data.array(*(_listed(each, read_only=self._read_only) for each in listed))
            case 3:
                return data.structure(data.i8(facts.client_sap), data.u16(facts.server_sap))
            case 4:
                context = _LOGICAL_NAMES_CIPHERED if facts.is_ciphered else _LOGICAL_NAMES
                return data.octets(_CONTEXT_NAME + bytes((context,)))
            case 5:
                return _context_info(facts)
            case 6:
                return data.octets(_MECHANISM_NAME + bytes((facts.mechanism,)))
            case 8:
                return data.enum(_ASSOCIATED)
            case 9:
                return data.octets(facts.security_setup)
        return super()._get(attribute)


def _context_info(facts: AssociationFacts) -> bytes:
    """conformance, longest APDUs, DLMS version, quality of service, dedicated key: the last is never told."""
    conformance = bytes((data.BIT_STRING, 24)) + int(facts.conformance).to_bytes(3, "big")
    return data.structure(
        conformance,
        data.u16(facts.max_receive),
        data.u16(facts.max_send),
        data.u8(_DLMS_VERSION),
        data.i8(0),
        data.octets(b""),
    )


def _listed(each: CosemObject, *, read_only: bool) -> bytes:
    """object_list_element. An object without a table is listed without its access rights."""
    rights = data.structure(data.array(), data.array())
    if isinstance(each, InterfaceObject):
        rights = _rights(each.table, read_only=read_only)
    return data.structure(data.u16(each.class_id), data.u8(each.version), data.octets(each.logical_name), rights)


def _rights(table: InterfaceClass, *, read_only: bool) -> bytes:
    most = Access.READ if read_only else Access.READ_WRITE
    attributes = (
        data.structure(data.i8(each.index), data.enum(each.access & most), data.null()) for each in table.attributes
    )
    methods = (
        data.structure(data.i8(each.index), data.enum(_METHOD_ACCESS if each.is_open and not read_only else 0))
        for each in table.methods
    )
    return data.structure(data.array(*attributes), data.array(*methods))


@dataclass(frozen=True, slots=True)
class ListedObject:
    """attributes, methods: access mode by index."""

    class_id: int
    version: int
    obis: bytes
    attributes: dict[int, int]
    methods: dict[int, int]


def read_object_list(encoded: bytes) -> tuple[ListedObject, ...]:
    """A client's view of attribute 2. Raises RemoteProtocolError (MALFORMED)."""
    value = ASSOCIATION_LN.decode("object_list", encoded)
    assert isinstance(value, tuple), "the table says array"
    return tuple(map(_listed_object, value))


def _listed_object(value: data.Value) -> ListedObject:
    match value:
        case (int(class_id), int(version), bytes(obis), (tuple(attributes), tuple(methods))) if len(obis) == 6:
            return ListedObject(class_id, version, obis, _modes(attributes), _modes(methods))
    raise malformed("an object is listed by class, version, logical name and rights")


def _modes(rights: tuple[data.Value, ...]) -> dict[int, int]:
    modes = {}
    for right in rights:
        match right:
            case (int(index), int(mode), *_):
                modes[index] = int(mode)
            case _:
                raise malformed("a right is an index and a mode")
    return modes
