"""What all interface classes share: a table of attributes and methods, and access according to it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import ClassVar, NoReturn

from aforo.dlms import data
from aforo.dlms.errors import LocalProtocolError, RemoteProtocolError, malformed
from aforo.dlms.events import ActionRequest, DataAccess, GetRequest, Selection, SetRequest
from aforo.dlms.server import AccessRefused


class Access(IntEnum):
    """attribute_access_mode of class 15."""

    NONE = 0
    READ = 1
    WRITE = 2
    READ_WRITE = 3


@dataclass(frozen=True, slots=True)
class Attribute:
    """type: tag of its encoded data; None where the class leaves a CHOICE, which each object settles.

    selectors: kinds of selective access that it knows.
    """

    index: int
    name: str
    type: int | None
    access: Access = Access.READ
    selectors: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Method:
    """parameter: tag of the type it takes.   is_open: False when these devices refuse it."""

    index: int
    name: str
    parameter: int
    is_open: bool = False


LOGICAL_NAME = Attribute(1, "logical_name", data.OCTET_STRING)


@dataclass(frozen=True)
class InterfaceClass:
    """attributes: in the order of their index, logical_name first."""

    class_id: int
    version: int
    name: str
    attributes: tuple[Attribute, ...]
    methods: tuple[Method, ...] = ()

    def get(self, attribute: str, obis: bytes, selection: Selection | None = None) -> GetRequest:
        """A client's request, by the attribute's name. Raises LocalProtocolError."""
        entry = self._named(attribute)
        if selection is not None and selection.selector not in entry.selectors:
            raise LocalProtocolError(f"{self.name}: {attribute} knows no selector {selection.selector}")
        return GetRequest(self.class_id, obis, entry.index, selection)

    def set(self, attribute: str, obis: bytes, encoded: bytes) -> SetRequest:
        """Raises LocalProtocolError, also for data of another type than the table's."""
        entry = self._named(attribute)
        if entry.type is not None and encoded[:1] != bytes((entry.type,)):
            raise LocalProtocolError(f"{self.name}: {attribute} is of type {entry.type}")
        return SetRequest(self.class_id, obis, entry.index, encoded)

    def action(self, method: str, obis: bytes, encoded: bytes) -> ActionRequest:
        """Raises LocalProtocolError."""
        entry = next((each for each in self.methods if each.name == method), None)
        if entry is None:
            raise LocalProtocolError(f"{self.name} has no method {method}")
        if encoded[:1] != bytes((entry.parameter,)):
            raise LocalProtocolError(f"{self.name}: {method} takes type {entry.parameter}")
        return ActionRequest(self.class_id, obis, entry.index, encoded)

    def decode(self, attribute: str, encoded: bytes) -> data.Value:
        """What a device tells as the attribute's value. Raises RemoteProtocolError (MALFORMED for another type)."""
        entry = self._named(attribute)
        value = data.decode(encoded)
        if entry.type is not None and encoded[0] not in (entry.type, data.NULL):
            raise malformed(f"{self.name}: {attribute} of type {encoded[0]}, not {entry.type}")
        return value

    def _named(self, attribute: str) -> Attribute:
        entry = next((each for each in self.attributes if each.name == attribute), None)
        if entry is None:
            raise LocalProtocolError(f"{self.name} has no attribute {attribute}")
        return entry

    @cached_property
    def attribute_by_index(self) -> dict[int, Attribute]:
        return {each.index: each for each in self.attributes}

    @cached_property
    def method_by_index(self) -> dict[int, Method]:
        return {each.index: each for each in self.methods}


class InterfaceObject:
    """An object whose access rights and types are those of its class's table.

    A subclass answers `_get` for every readable attribute but the first, `_set` for the writable ones (encoded: the
    value as it came, tag included) and `_invoke` for the open methods.
    """

    table: ClassVar[InterfaceClass]

    __slots__ = ("logical_name",)

    def __init__(self, logical_name: bytes) -> None:
        self.logical_name = logical_name

    @property
    def class_id(self) -> int:
        return self.table.class_id

    @property
    def version(self) -> int:
        return self.table.version

    def read(self, attribute: int, selection: Selection | None) -> bytes:
        entry = self._attribute(attribute)
        if not entry.access & Access.READ:
            raise AccessRefused(DataAccess.READ_WRITE_DENIED)
        if selection is not None:
            if selection.selector not in entry.selectors:
                raise AccessRefused(DataAccess.SCOPE_OF_ACCESS_VIOLATED)
            return self._select(attribute, selection)
        return data.octets(self.logical_name) if entry is LOGICAL_NAME else self._get(attribute)

    def write(self, attribute: int, data: bytes) -> None:
        entry = self._attribute(attribute)
        if not entry.access & Access.WRITE:
            raise AccessRefused(DataAccess.READ_WRITE_DENIED)
        self._set(attribute, decoded(data, entry.type), data)

    def invoke(self, method: int, parameter: bytes | None) -> bytes | None:
        entry = self.table.method_by_index.get(method)
        if entry is None:
            raise AccessRefused(DataAccess.OBJECT_UNDEFINED)
        if not entry.is_open:
            raise AccessRefused(DataAccess.READ_WRITE_DENIED)
        if parameter is None:
            raise AccessRefused(DataAccess.TYPE_UNMATCHED)
        return self._invoke(method, decoded(parameter, entry.parameter))

    def _attribute(self, index: int) -> Attribute:
        entry = self.table.attribute_by_index.get(index)
        if entry is None:
            raise AccessRefused(DataAccess.OBJECT_UNDEFINED)
        return entry

    def _get(self, attribute: int) -> bytes:
        self._is_missing(attribute)

    def _select(self, attribute: int, selection: Selection) -> bytes:  # noqa: ARG002 (for those who override it)
        self._is_missing(attribute)

    def _set(self, attribute: int, value: data.Value, encoded: bytes) -> None:  # noqa: ARG002 (for those who override it)
        self._is_missing(attribute)

    def _invoke(self, method: int, parameter: data.Value) -> bytes | None:  # noqa: ARG002 (for those who override it)
        self._is_missing(method)

    def _is_missing(self, index: int) -> NoReturn:
        raise AssertionError(f"{self.table.name}: the table opens {index}, the object does not have it")


class StoredObject(InterfaceObject):
    """One whose attributes are simply kept.

    values: encoded, by index; all readable attributes but the first, of the types in the table.   invoked: told of each
    method that is carried out, with its parameter; may raise AccessRefused.
    """

    __slots__ = ("_invoked", "values")

    def __init__(
        self,
        logical_name: bytes,
        values: dict[int, bytes],
        invoked: Callable[[int, data.Value], None] | None = None,
    ) -> None:
        super().__init__(logical_name)
        self.values = values
        self._invoked = invoked

    def _get(self, attribute: int) -> bytes:
        return self.values[attribute]

    def _set(self, attribute: int, value: data.Value, encoded: bytes) -> None:
        """Of a CHOICE, the type that the object has settled."""
        self._check(attribute, value)
        if encoded[0] != self.values[attribute][0]:
            raise AccessRefused(DataAccess.TYPE_UNMATCHED)
        self.values[attribute] = encoded

    def _check(self, attribute: int, value: data.Value) -> None:
        """Raises AccessRefused for a value that the class does not allow."""

    def _invoke(self, method: int, parameter: data.Value) -> bytes | None:
        if self._invoked is not None:
            self._invoked(method, parameter)
        self._done(method, parameter)
        return None

    def _done(self, method: int, parameter: data.Value) -> None:
        """What a method changes in the values."""


def decoded(encoded: bytes, expected: int | None) -> data.Value:
    """The value, if it has the tag. Raises AccessRefused TYPE_UNMATCHED, also for what is no data at all."""
    try:
        value = data.decode(encoded)
    except RemoteProtocolError as wrong:
        raise AccessRefused(DataAccess.TYPE_UNMATCHED) from wrong
    if expected is not None and encoded[0] != expected:
        raise AccessRefused(DataAccess.TYPE_UNMATCHED)
    return value
