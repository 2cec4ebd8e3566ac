"""One APDU at least of every type and form, spelled out field by field, with the value that it stands for.

None of these octets was made by our own encoder. GRAMMAR: written by hand from COSEMpdu and ACSE-APDU (IEC 62056-5-3,
the ASN.1 of its annex), a group of digits for each field. BOOK: an example of the Green Book.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aforo.dlms import acse, data, general_ciphering, xdlms
from aforo.dlms.acse import AssociationAnswer, AssociationRequest
from aforo.dlms.events import (
    AccessRequest,
    AccessResponse,
    ActionListRequest,
    ActionListResponse,
    ActionRequest,
    ActionResponse,
    Conformance,
    DataAccess,
    DataNotification,
    EventNotification,
    ExceptionResponse,
    GetListRequest,
    GetListResponse,
    GetRequest,
    GetResponse,
    NotificationConfirm,
    Selection,
    ServiceError,
    SetListRequest,
    SetListResponse,
    SetRequest,
    SetResponse,
)
from aforo.dlms.general_ciphering import Envelope, IdentifiedKey
from aforo.dlms.xdlms import Initiate, access, blocks, general_blocks, notifications
from aforo.dlms.xdlms.blocks import Block
from aforo.dlms.xdlms.general_blocks import GeneralBlock

GRAMMAR, BOOK = "by hand from the grammar", "Green Book, examples"
CLOCK, LIMITER, SWITCH = bytes.fromhex("0000010000ff"), bytes.fromhex("0000110000ff"), bytes.fromhex("000060030aff")
MOMENT = bytes.fromhex("07ea0b19030c00000000b480")
PRIORITY = 0xC1
"""Invoke-id 1, confirmed, high priority."""


@dataclass(frozen=True, slots=True)
class Vector:
    """wire: hexadecimal, spaces between fields.   encode: octets of the value.   decode: the value of octets."""

    wire: str
    value: Any
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    source: str = GRAMMAR

    @property
    def octets(self) -> bytes:
        return bytes.fromhex(self.wire)


def _asked(wire: str, request: Any, source: str = GRAMMAR) -> Vector:
    return Vector(
        wire, request, lambda each: xdlms.encode_request(each, 1), lambda raw: xdlms.decode_request(raw)[0], source
    )


def _told(wire: str, response: Any, source: str = GRAMMAR) -> Vector:
    return Vector(
        wire,
        response,
        lambda each: xdlms.encode_response(each, PRIORITY),
        lambda raw: xdlms.decode_response(raw)[0],
        source,
    )


def _first(wire: str, request: Any, block: Block) -> Vector:
    parts = blocks.splittable(request)
    assert parts is not None
    return Vector(
        wire, (parts[0], block), lambda each: blocks.encode_first(request, PRIORITY, *each), blocks.decode_first
    )


def _number(wire: str, encode: Callable[[int, int, int], bytes], tag: int, number: int) -> Vector:
    return Vector(wire, number, lambda each: encode(tag, PRIORITY, each), blocks.decode_number)


def _answer_block(wire: str, tag: int, block: Block) -> Vector:
    return Vector(wire, block, lambda each: blocks.encode_answer_block(tag, PRIORITY, each), blocks.decode_answer_block)


def _next(wire: str, request: Any, block: Block) -> Vector:
    return Vector(wire, block, lambda each: blocks.encode_next(request, PRIORITY, each), blocks.decode_next)


def _last_taken(wire: str, response: Any, number: int) -> Vector:
    return Vector(
        wire,
        (response, number),
        lambda each: blocks.encode_last_taken(each[0], PRIORITY, each[1]),
        blocks.decode_last_taken,
    )


GET = GetRequest(8, CLOCK, 2, high=True)
SET, OPEN = SetRequest(71, LIMITER, 4, data.u32(3300), high=True), ActionRequest(70, SWITCH, 1, data.i8(0), high=True)
SETS, OPENS = SetListRequest((SetRequest(71, LIMITER, 4, data.u32(3300)),), high=True), ActionListRequest(
    (ActionRequest(70, SWITCH, 1, data.i8(0)),), high=True
)  # fmt: skip
ENTRIES = Selection(2, data.structure(data.u32(1), data.u32(3), data.u16(1), data.u16(0)))

REQUESTS = [
    _asked("c0 01 c1 0008 0000010000ff 02 00", GET, BOOK),
    _asked(
        "c0 01 c1 0007 0100630100ff 02 01 02 02 04 06 00000001 06 00000003 12 0001 12 0000",
        GetRequest(7, bytes.fromhex("0100630100ff"), 2, ENTRIES, high=True),
    ),
    _number("c0 02 c1 00000007", blocks.encode_ask, 0xC0, 7),
    _asked(
        "c0 03 c1 02 0008 0000010000ff 02 00 0047 0000110000ff 04 00",
        GetListRequest((GetRequest(8, CLOCK, 2), GetRequest(71, LIMITER, 4)), high=True),
    ),
    _asked("c1 01 c1 0047 0000110000ff 04 00 06 00000ce4", SET),
    _first("c1 02 c1 0047 0000110000ff 04 00 00 00000001 02 0600", SET, Block(False, 1, b"\x06\x00")),
    _next("c1 03 c1 01 00000002 03 000ce4", SET, Block(True, 2, b"\x00\x0c\xe4")),
    _asked("c1 04 c1 01 0047 0000110000ff 04 00 01 06 00000ce4", SETS),
    _first("c1 05 c1 01 0047 0000110000ff 04 00 00 00000001 02 0106", SETS, Block(False, 1, b"\x01\x06")),
    _asked("c3 01 c1 0046 000060030aff 01 01 0f 00", OPEN),
    _number("c3 02 c1 00000002", blocks.encode_ask, 0xC3, 2),
    _asked("c3 03 c1 01 0046 000060030aff 01 01 0f 00", OPENS),
    _first("c3 04 c1 0046 000060030aff 01 00 00000001 01 0f", OPEN, Block(False, 1, b"\x0f")),
    _first("c3 05 c1 01 0046 000060030aff 01 00 00000001 02 010f", OPENS, Block(False, 1, b"\x01\x0f")),
    _next("c3 06 c1 01 00000002 01 00", OPEN, Block(True, 2, b"\x00")),
]
RESPONSES = [
    _told("c4 01 c1 00 06 00000ce4", GetResponse(DataAccess.SUCCESS, data.u32(3300))),
    _told("c4 01 c1 01 03", GetResponse(DataAccess.READ_WRITE_DENIED)),
    _answer_block("c4 02 c1 00 00000001 00 02 0900", 0xC4, Block(False, 1, b"\x09\x00")),
    _answer_block("c4 02 c1 01 00000002 01 0f", 0xC4, Block(True, 2, b"", DataAccess.LONG_GET_ABORTED)),
    _told(
        "c4 03 c1 02 00 11 05 01 04",
        GetListResponse((GetResponse(DataAccess.SUCCESS, data.u8(5)), GetResponse(DataAccess.OBJECT_UNDEFINED))),
    ),
    _told("c5 01 c1 00", SetResponse(DataAccess.SUCCESS)),
    _number("c5 02 c1 00000001", blocks.encode_taken, 0xC1, 1),
    _last_taken("c5 03 c1 0c 00000002", SetResponse(DataAccess.TYPE_UNMATCHED), 2),
    _last_taken(
        "c5 04 c1 02 00 0c 00000002",
        SetListResponse((SetResponse(DataAccess.SUCCESS), SetResponse(DataAccess.TYPE_UNMATCHED))),
        2,
    ),
    _told(
        "c5 05 c1 02 00 0c", SetListResponse((SetResponse(DataAccess.SUCCESS), SetResponse(DataAccess.TYPE_UNMATCHED)))
    ),
    _told("c7 01 c1 00 00", ActionResponse(DataAccess.SUCCESS)),
    _told("c7 01 c1 00 01 00 11 05", ActionResponse(DataAccess.SUCCESS, data.u8(5))),
    _answer_block("c7 02 c1 01 00000001 03 000100", 0xC7, Block(True, 1, b"\x00\x01\x00")),
    _told(
        "c7 03 c1 02 00 00 0b 00",
        ActionListResponse((ActionResponse(DataAccess.SUCCESS), ActionResponse(DataAccess.OBJECT_UNAVAILABLE))),
    ),
    _number("c7 04 c1 00000001", blocks.encode_taken, 0xC3, 1),
]
_OFFERED = Conformance.GET | Conformance.SET | Conformance.ACTION
OTHERS = [
    Vector(
        "01 00 00 00 06 5f1f0400 000019 0400",
        Initiate(_OFFERED, 1024),
        xdlms.encode_initiate_request,
        xdlms.decode_initiate_request,
    ),
    Vector(
        "08 00 06 5f1f0400 000019 0400 0007",
        Initiate(_OFFERED, 1024),
        xdlms.encode_initiate_response,
        xdlms.decode_initiate_response,
    ),
    Vector("0e 01 06 02", ServiceError(1, 6, 2), xdlms.encode_service_error, xdlms.decode_service_error),
    Vector(
        f"0f 40000001 0c {MOMENT.hex()} 06 00000ce4",
        DataNotification(0x4000_0001, MOMENT, data.u32(3300)),
        xdlms.encode_notification,
        xdlms.decode_notification,
    ),
    Vector(
        "10 40000001 00",
        NotificationConfirm(0x4000_0001),
        notifications.encode_notification_confirm,
        notifications.decode_notification_confirm,
    ),
    Vector(
        f"c2 01 0c {MOMENT.hex()} 0003 0100010800ff 02 11 01",
        EventNotification(3, bytes.fromhex("0100010800ff"), 2, data.u8(1), MOMENT),
        xdlms.encode_event_notification,
        xdlms.decode_event_notification,
    ),
    Vector("d8 01 06 000002bd", ExceptionResponse(1, 6, 701), xdlms.encode_exception, notifications.decode_exception),
    Vector(
        "d9 e0000007 00 02 01 0008 0000010000ff 02 02 0047 0000110000ff 04 02 00 06 00000ce4",
        AccessRequest(
            (GetRequest(8, CLOCK, 2), SetRequest(71, LIMITER, 4, data.u32(3300))), breaks_on_error=True, high=True
        ),
        lambda each: access.encode_access_request(each, access.long_priority(7, each)),
        lambda raw: access.decode_access_request(raw)[0],
    ),
    Vector(
        "da 40000007 00 00 02 11 05 00 02 01 00 02 03",
        AccessResponse((GetResponse(DataAccess.SUCCESS, data.u8(5)), SetResponse(DataAccess.READ_WRITE_DENIED))),
        lambda each: access.encode_access_response(each, 0x4000_0007),
        lambda raw: access.decode_access_response(raw)[0],
    ),
    Vector(
        "e0 c3 0002 0001 03 c001c1",
        GeneralBlock(2, 1, b"\xc0\x01\xc1", is_last=True, is_streaming=True, window=3),
        general_blocks.encode_general_block,
        general_blocks.decode_general_block,
    ),
    Vector(
        "60 1d a1 09 06 07 60857405080101 be 10 04 0e 01000000065f1f0400007e1f04b0",
        AssociationRequest(context=1, information=bytes.fromhex("01000000065f1f0400007e1f04b0")),
        acse.encode_request,
        acse.decode_request,
        BOOK,
    ),
    Vector(
        "61 29 a1 09 06 07 60857405080101 a2 03 02 01 00 a3 05 a1 03 02 01 00 be 10 04 0e 0800065f1f0400007c1f04000007",
        AssociationAnswer(context=1, information=bytes.fromhex("0800065f1f0400007c1f04000007")),
        acse.encode_answer,
        acse.decode_answer,
        BOOK,
    ),
    Vector("62 03 80 01 00", b"", lambda _: acse.encode_release(0x62), lambda raw: acse.decode_release(raw, 0x62)),
    Vector("63 03 80 01 00", b"", lambda _: acse.encode_release(0x63), lambda raw: acse.decode_release(raw, 0x63)),
    Vector(
        "dd 01 01 08 4845530000000001 08 4146520000000001 00 00 01 00 00 12 30 00000001 aa 000102030405060708090a0b",
        (
            Envelope(transaction=b"\x01", originator=b"HES\0\0\0\0\1", recipient=b"AFR\0\0\0\0\1"),
            IdentifiedKey(),
            bytes.fromhex("3000000001aa000102030405060708090a0b"),
        ),
        lambda each: general_ciphering.encode_ciphering(*each),
        general_ciphering.decode_ciphering,
    ),
    Vector(
        "df 01 01 08 4845530000000001 08 4146520000000001 00 00 04 c501c100 02 aabb",
        (
            Envelope(transaction=b"\x01", originator=b"HES\0\0\0\0\1", recipient=b"AFR\0\0\0\0\1"),
            bytes.fromhex("c501c100"),
            b"\xaa\xbb",
        ),
        lambda each: general_ciphering.encode_signing(*each),
        general_ciphering.decode_signing,
    ),
]
VECTORS = [*REQUESTS, *RESPONSES, *OTHERS]
