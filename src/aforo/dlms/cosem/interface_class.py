"""What all interface classes share: a table of attributes and methods, and access according to it."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import ClassVar, NoReturn

from aforo.dlms import data
from aforo.dlms.errors import RemoteProtocolError
from aforo.dlms.events import DataAccess, Selection
from aforo.dlms.server import AccessRefused


class Access(IntEnum):
    """attribute_access_mode of class 15."""

    NONE = 0
    READ = 1
    WRITE = 2
    READ_WRITE = 3


@dataclass(frozen=True, slots=True)
class Attribute:
    """type: tag of its encoded data; None where the class leaves a CHOICE, which each object settles."""

    index: int
    name: str
    type: int | None
    access: Access = Access.READ


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
            raise AccessRefused(DataAccess.SCOPE_OF_ACCESS_VIOLATED)
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

    def _set(self, attribute: int, value: data.Value, encoded: bytes) -> None:  # noqa: ARG002 (for those who override it)
        self._is_missing(attribute)

    def _invoke(self, method: int, parameter: data.Value) -> bytes | None:  # noqa: ARG002 (for those who override it)
        self._is_missing(method)

    def _is_missing(self, index: int) -> NoReturn:
        raise AssertionError(f"{self.table.name}: the table opens {index}, the object does not have it")


def decoded(encoded: bytes, expected: int | None) -> data.Value:
    """The value, if it has the tag. Raises AccessRefused TYPE_UNMATCHED, also for what is no data at all."""
    try:
        value = data.decode(encoded)
    except RemoteProtocolError as wrong:
        raise AccessRefused(DataAccess.TYPE_UNMATCHED) from wrong
    if expected is not None and encoded[0] != expected:
        raise AccessRefused(DataAccess.TYPE_UNMATCHED)
    return value
