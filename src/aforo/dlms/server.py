"""The server's side of one association: each request goes to the object that it names."""

from collections.abc import Iterable
from typing import Protocol

from aforo.dlms.events import (
    AccessRequest,
    AccessResponse,
    ActionListRequest,
    ActionListResponse,
    ActionRequest,
    ActionResponse,
    AssociationEstablished,
    Conformance,
    DataAccess,
    GetListRequest,
    GetListResponse,
    GetRequest,
    GetResponse,
    Request,
    Response,
    Selection,
    SetListRequest,
    SetListResponse,
    SetRequest,
    SetResponse,
    SingleRequest,
    SingleResponse,
)


class AccessRefused(Exception):
    """An object does not do what was asked; the result is the answer."""

    def __init__(self, result: DataAccess) -> None:
        super().__init__(result.name)
        self.result = result


_AROUND_DATA = 64
"""Octets of an answer besides its data, ciphered: header, title, counter, tag and lengths need 36 at most."""

_BLOCKS = Conformance.BLOCK_GET | Conformance.BLOCK_ACTION


def reply_octets(established: AssociationEstablished) -> int | None:
    """What one answer may take for this client; None: no bound, or it takes blocks."""
    takes_blocks = _BLOCKS in established.conformance or Conformance.GENERAL_BLOCK_TRANSFER in established.conformance
    if takes_blocks or not established.max_pdu:
        return None
    return max(0, established.max_pdu - _AROUND_DATA)


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

    read_only: SET and ACTION are refused whatever the object.   reply_octets: what one value of an answer may take, for
    a client that negotiated no transfer in blocks; None means no bound.
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
            case GetListRequest(items):
                return GetListResponse(tuple(map(self._get, items)))
            case SetListRequest(items):
                return SetListResponse(tuple(map(self._set, items)))
            case ActionListRequest(items):
                return ActionListResponse(tuple(map(self._action, items)))
            case AccessRequest():
                return self._access(request)
        return self._single(request)

    def _single(self, request: SingleRequest) -> SingleResponse:
        match request:
            case GetRequest():
                return self._get(request)
            case SetRequest():
                return self._set(request)
            case ActionRequest():
                return self._action(request)

    def _access(self, request: AccessRequest) -> AccessResponse:
        """With breaks_on_error, what follows a refusal is not carried out and is answered with other-reason."""
        answers: list[SingleResponse] = []
        for each in request.items:
            is_broken = request.breaks_on_error and any(done.result is not DataAccess.SUCCESS for done in answers)
            answers.append(_not_carried_out(each) if is_broken else self._single(each))
        return AccessResponse(tuple(answers))

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


def _not_carried_out(request: SingleRequest) -> SingleResponse:
    match request:
        case GetRequest():
            return GetResponse(DataAccess.OTHER_REASON)
        case SetRequest():
            return SetResponse(DataAccess.OTHER_REASON)
        case ActionRequest():
            return ActionResponse(DataAccess.OTHER_REASON)
