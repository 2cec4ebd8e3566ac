"""Which negotiated services a message needs: neither end uses another one."""

from functools import lru_cache

from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.events import (
    AccessRequest,
    ActionListRequest,
    ActionRequest,
    Conformance,
    DataNotification,
    EventNotification,
    GetListRequest,
    GetRequest,
    NotificationConfirm,
    Request,
    SetListRequest,
    SetRequest,
)


class NotOffered(LocalProtocolError):
    """The service was not negotiated. missing: what the peer, or we, did not offer."""

    def __init__(self, missing: Conformance) -> None:
        super().__init__(f"not negotiated: {missing.name or missing!r}")
        self.missing = missing


_NEEDS: dict[type, Conformance] = {
    GetRequest: Conformance.GET,
    SetRequest: Conformance.SET,
    ActionRequest: Conformance.ACTION,
    GetListRequest: Conformance.GET | Conformance.MULTIPLE_REFERENCES,
    SetListRequest: Conformance.SET | Conformance.MULTIPLE_REFERENCES,
    ActionListRequest: Conformance.ACTION | Conformance.MULTIPLE_REFERENCES,
    AccessRequest: Conformance.ACCESS,
    DataNotification: Conformance.DATA_NOTIFICATION,
    NotificationConfirm: Conformance.DATA_NOTIFICATION,
    EventNotification: Conformance.EVENT_NOTIFICATION,
}


def check_offered(
    message: Request | DataNotification | NotificationConfirm | EventNotification, offered: Conformance
) -> None:
    """Raises NotOffered."""
    missing = _missing(type(message), offered, is_selective=_selects(message))
    if missing:
        raise NotOffered(missing)


@lru_cache(maxsize=1024)
def _missing(kind: type, offered: Conformance, *, is_selective: bool) -> Conformance:
    """Kept, since every message asks, and arithmetic of flags takes longer than to look it up."""
    return (_NEEDS[kind] | (Conformance.SELECTIVE_ACCESS if is_selective else Conformance(0))) & ~offered


def _selects(message: object) -> bool:
    match message:
        case GetRequest() | SetRequest():
            return message.selection is not None
        case GetListRequest() | SetListRequest() | AccessRequest():
            return any(map(_selects, message.items))
    return False
