"""The server's side of one association: each request goes to the object that it names."""

from collections.abc import Iterable
from typing import Protocol

from aforo.dlms.events import (
    ActionRequest,
    ActionResponse,
    DataAccess,
    GetRequest,
    GetResponse,
    Request,
    Response,
    Selection,
    SetRequest,
    SetResponse,
)


class AccessRefused(Exception):
    """An object does not do what was asked; the result is the answer."""

    def __init__(self, result: DataAccess) -> None:
        super().__init__(result.name)
        self.result = result


class CosemObject(Protocol):
    """An instance of an interface class. Each operation raises AccessRefused; data is encoded, tag included."""

    @property
    def class_id(self) -> int: ...

    @property
    def version(self) -> int: ...

    @property
    def logical_name(self) -> bytes: ...

    def read(self, attribute: int, selection: Selection | None) -> bytes: ...

    def write(self, attribute: int, data: bytes) -> None: ...

    def invoke(self, method: int, parameter: bytes | None) -> bytes | None: ...


class Server:
    """The objects that one client sees.

    read_only: SET and ACTION are refused whatever the object.   reply_octets: what the data of one answer may take, so
    that it fits the client's longest APDU; None means no bound.
    """

    __slots__ = ("_objects", "_read_only", "_reply_octets")

    def __init__(
        self, objects: Iterable[CosemObject], *, read_only: bool = False, reply_octets: int | None = None
    ) -> None:
        self._objects: dict[bytes, CosemObject] = {}
        for each in objects:
            assert each.logical_name not in self._objects, "a logical name names one object"
            self._objects[each.logical_name] = each
        self._read_only = read_only
        self._reply_octets = reply_octets

    def answer(self, request: Request) -> Response:
        """Always an answer of the request's own service: a refusal is an answer too."""
        match request:
            case GetRequest():
                return self._get(request)
            case SetRequest():
                return self._set(request)
            case ActionRequest():
                return self._action(request)

    def _get(self, request: GetRequest) -> GetResponse:
        try:
            encoded = self._find(request.class_id, request.obis).read(request.attribute, request.selection)
        except AccessRefused as refused:
            return GetResponse(refused.result)
        if self._is_too_long(encoded):
            return GetResponse(DataAccess.DATA_BLOCK_UNAVAILABLE)
        return GetResponse(DataAccess.SUCCESS, encoded)

    def _set(self, request: SetRequest) -> SetResponse:
        try:
            target = self._find(request.class_id, request.obis)
            if self._read_only:
                return SetResponse(DataAccess.READ_WRITE_DENIED)
            if request.selection is not None:
                return SetResponse(DataAccess.SCOPE_OF_ACCESS_VIOLATED)
            target.write(request.attribute, request.data)
        except AccessRefused as refused:
            return SetResponse(refused.result)
        return SetResponse(DataAccess.SUCCESS)

    def _action(self, request: ActionRequest) -> ActionResponse:
        try:
            target = self._find(request.class_id, request.obis)
            if self._read_only:
                return ActionResponse(DataAccess.READ_WRITE_DENIED)
            returned = target.invoke(request.method, request.parameter)
        except AccessRefused as refused:
            return ActionResponse(refused.result)
        if returned is not None and self._is_too_long(returned):
            # The method has run: only what it returned is withheld, so the result is not a refusal to run it.
            return ActionResponse(DataAccess.SUCCESS)
        return ActionResponse(DataAccess.SUCCESS, returned)

    def _find(self, class_id: int, logical_name: bytes) -> CosemObject:
        found = self._objects.get(logical_name)
        if found is None:
            raise AccessRefused(DataAccess.OBJECT_UNDEFINED)
        if found.class_id != class_id:
            raise AccessRefused(DataAccess.OBJECT_CLASS_INCONSISTENT)
        return found

    def _is_too_long(self, encoded: bytes) -> bool:
        return self._reply_octets is not None and len(encoded) > self._reply_octets
