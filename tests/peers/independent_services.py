"""GET, SET and ACTION in their normal forms, as the independent meter reads and answers them."""

from dataclasses import dataclass

from peers import independent_acse as acse
from peers.independent_bytes import Cursor, Malformed, obis_name, one_data
from peers.independent_objects import ASSOCIATION, Denied, Objects

GET, SET, ACTION = 0xC0, 0xC1, 0xC3
NAMES = {GET: "GET", SET: "SET", ACTION: "ACTION"}
NEEDS = {GET: acse.GET, SET: acse.SET, ACTION: acse.ACTION}
_NORMAL = 1
_CONFIRMED = 0x40
_RESERVED = 0x30


class Unsupported(Exception):
    """A good service in a form this meter does not have: blocks, lists, selective access."""


@dataclass(frozen=True, slots=True)
class Request:
    tag: int
    invoke: int
    class_id: int
    name: str
    index: int
    data: bytes | None

    @property
    def proves(self) -> bool:
        """Whether this is reply_to_HLS_authentication."""
        return (self.tag, self.class_id, self.name, self.index) == (ACTION, 15, ASSOCIATION, 1)


def read_request(plain: bytes) -> Request:
    cursor = Cursor(plain)
    tag = cursor.number()
    if tag not in NAMES:
        raise Malformed(f"no service starts with {tag:02x}")
    if cursor.number() != _NORMAL:
        raise Unsupported(f"{NAMES[tag]} other than normal")
    invoke = cursor.number()
    if invoke & _RESERVED or not invoke & _CONFIRMED:
        raise Malformed(f"invoke-id-and-priority {invoke:02x} is unconfirmed or uses reserved bits")
    class_id, name, index = cursor.number(2), obis_name(cursor.take(6)), cursor.number()
    if index == 0:
        raise Unsupported("attribute 0 stands for all; there are no wildcards here")
    present = cursor.flag()
    if tag != ACTION and present:
        raise Unsupported("selective access")
    data = one_data(cursor) if present or tag == SET else None
    cursor.end(f"after {NAMES[tag]}")
    return Request(tag, invoke, class_id, name, index, data)


def answer(request: Request, result: int, data: bytes | None = None) -> bytes:
    """The normal response; the invoke id and priority come back as they were sent."""
    head = bytes([request.tag + 4, _NORMAL, request.invoke])
    if request.tag == GET:
        return head + (b"\x00" + data if data is not None else bytes([1, result]))
    if request.tag == SET:
        return head + bytes([result])
    return head + bytes([result]) + (b"\x01\x00" + data if data is not None else b"\x00")


def perform(request: Request, objects: Objects, *, public: bool) -> tuple[int, bytes | None]:
    """Result code, and the value of a GET that succeeded."""
    target = (request.class_id, request.name, request.index)
    try:
        if request.tag == GET:
            return 0, objects.read(*target, public=public)
        if request.tag == SET:
            objects.write(*target, request.data or b"")
        else:
            objects.invoke(*target, request.data)
    except Denied as denied:
        return denied.code, None
    return 0, None
