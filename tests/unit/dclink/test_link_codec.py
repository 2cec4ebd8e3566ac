"""The link's messages: everything that the types hold comes back as it went, and nothing else is taken."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aforo.dclink import codec
from aforo.dlms import ErrorCode, LocalProtocolError, RemoteProtocolError, data
from aforo.dlms.data import (
    ARRAY,
    BOOLEAN,
    DOUBLE_LONG_UNSIGNED,
    ENUM,
    INTEGER,
    LONG64,
    LONG64_UNSIGNED,
    NULL,
    OCTET_STRING,
    STRUCTURE,
    UNSIGNED,
    UTF8_STRING,
    VISIBLE_STRING,
)
from aforo.dlms.dates import encode
from unit.dclink.paper_board import (
    NOON,
    ORDERS,
    QUEUED,
    READBACK,
    READBACKS,
    RESULTS,
    ROWS,
    SUBMISSIONS,
    a_result,
    an_order,
)


@dataclass(frozen=True)
class Form:
    """One structure of the link. fields: encoded, all as they should be.   types: the tags allowed in each place."""

    read: Callable[[codec.Cursor], Any]
    fields: tuple[bytes, ...]
    types: tuple[set[int], ...]

    def refusal(self, *fields: bytes) -> ErrorCode:
        return refusal(data.structure(*fields), self.read)


MOMENT = data.octets(encode(NOON))
EVIDENCE = (
    data.i64(1),
    data.i64(2),
    data.i64(2),
    data.i64(2),
    data.i8(0),
    MOMENT,
    data.boolean(True),
    data.enum(1),
    MOMENT,
)
SUPPLY = (data.enum(1), data.enum(0), data.boolean(False), data.boolean(True), MOMENT)
DEMAND = (data.i64(950), data.i8(0), data.u32(900), MOMENT, data.enum(1), MOMENT)
RAW_TYPES = {LONG64, LONG64_UNSIGNED}
FORMS = {
    "order": Form(
        codec.read_order,
        (
            data.u64(1),
            data.utf8("OS-1"),
            data.enum(1),
            data.text("M"),
            data.u32(2500),
            data.u64(7),
            data.u64(3),
            data.u8(0),
            MOMENT,
            data.text(""),
            MOMENT,
        ),
        (
            {LONG64_UNSIGNED},
            {UTF8_STRING},
            {ENUM},
            {VISIBLE_STRING},
            {DOUBLE_LONG_UNSIGNED},
            {LONG64_UNSIGNED},
            {LONG64_UNSIGNED},
            {UNSIGNED},
            {NULL, OCTET_STRING},
            {VISIBLE_STRING},
            {NULL, OCTET_STRING},
        ),
    ),
    "result": Form(
        codec.read_result,
        (
            data.u64(1),
            data.u64(1),
            data.u64(7),
            data.enum(0),
            data.text(""),
            data.utf8(""),
            data.structure(*EVIDENCE),
            data.null(),
            data.null(),
            MOMENT,
        ),
        (
            {LONG64_UNSIGNED},
            {LONG64_UNSIGNED},
            {LONG64_UNSIGNED},
            {ENUM},
            {VISIBLE_STRING},
            {UTF8_STRING},
            {NULL, STRUCTURE},
            {NULL, STRUCTURE},
            {NULL, STRUCTURE},
            {OCTET_STRING},
        ),
    ),
    "demand": Form(
        codec._read_demand,
        DEMAND,
        (RAW_TYPES, {INTEGER}, {DOUBLE_LONG_UNSIGNED}, {NULL, OCTET_STRING}, {NULL, ENUM}, {OCTET_STRING}),
    ),
    "supply": Form(
        codec._read_supply,
        SUPPLY,
        ({ENUM}, {ENUM}, {NULL, BOOLEAN}, {BOOLEAN}, {OCTET_STRING}),
    ),
    "readback": Form(
        codec._read_readback,
        EVIDENCE,
        (
            RAW_TYPES,
            {NULL, *RAW_TYPES},
            RAW_TYPES,
            {NULL, *RAW_TYPES},
            {INTEGER},
            {OCTET_STRING},
            {NULL, BOOLEAN},
            {NULL, ENUM},
            {NULL, OCTET_STRING},
        ),
    ),
    "row": Form(
        codec.read_row,
        (data.text("M"), data.boolean(True), MOMENT),
        ({VISIBLE_STRING}, {BOOLEAN}, {NULL, OCTET_STRING}),
    ),
    "submission": Form(
        codec.read_submission,
        (data.u64(1), data.boolean(False), data.text("OLD_EPOCH")),
        ({LONG64_UNSIGNED}, {BOOLEAN}, {VISIBLE_STRING}),
    ),
    "queued": Form(
        codec.read_queued,
        (data.u64(1), data.u64(7), data.text("M"), data.u8(0), data.boolean(False)),
        ({LONG64_UNSIGNED}, {LONG64_UNSIGNED}, {VISIBLE_STRING}, {UNSIGNED}, {BOOLEAN}),
    ),
    "push": Form(
        codec.read_push,
        (data.octets(bytes(6)), data.array()),
        ({OCTET_STRING}, {ARRAY}),
    ),
}
ONE_OF_EACH_TYPE = (
    data.null(),
    data.array(),
    data.structure(),
    data.boolean(True),
    b"\x04\x00",
    data.i32(1),
    data.u32(1),
    data.octets(b"x"),
    data.text("x"),
    data.utf8("x"),
    b"\x0d\x01",
    data.i8(1),
    data.i16(1),
    data.u8(1),
    data.u16(1),
    data.i64(1),
    data.u64(1),
    data.enum(1),
    data.float32(1.0),
    b"\x18" + bytes(8),
    b"\x19" + encode(NOON),
    b"\x1a\x07\xea\x0b\x18\x02",
    b"\x1b\x0c\x00\x00\x00",
    b"\xff",
)
PLACES = [(name, place) for name, form in FORMS.items() for place in range(len(form.fields))]


def refusal(raw: bytes, read: Callable[[codec.Cursor], Any]) -> ErrorCode:
    with pytest.raises(RemoteProtocolError) as refused:
        codec.decode(raw, read)
    return refused.value.code


OUTCOMES = {None, ErrorCode.MALFORMED, ErrorCode.TOO_LONG, ErrorCode.TOO_DEEP, ErrorCode.UNSUPPORTED}


def outcome(raw: bytes, read: Callable[[codec.Cursor], Any]) -> ErrorCode | None:
    """None: read."""
    try:
        codec.decode(raw, read)
    except RemoteProtocolError as refused:
        return refused.code
    return None


# There and back


@given(ORDERS)
def test_an_order_comes_back_as_it_went(order: Any) -> None:
    assert codec.decode(codec.encode_order(order), codec.read_order) == order


@given(RESULTS)
def test_a_result_comes_back_as_it_went(result: Any) -> None:
    assert codec.decode(codec.encode_result(result), codec.read_result) == result


@given(READBACKS)
def test_evidence_comes_back_as_it_went(readback: Any) -> None:
    result = a_result(readback=readback)

    assert codec.decode(codec.encode_result(result), codec.read_result).readback == readback


@given(ROWS)
def test_a_row_comes_back_as_it_went(row: Any) -> None:
    assert codec.decode(codec.encode_row(row), codec.read_row) == row


@given(SUBMISSIONS)
def test_an_answer_to_an_order_comes_back_as_it_went(answer: Any) -> None:
    assert codec.decode(codec.encode_submission(answer), codec.read_submission) == answer


@given(QUEUED)
def test_a_queued_order_comes_back_as_it_went(queued: Any) -> None:
    assert codec.decode(codec.encode_queued(queued), codec.read_queued) == queued


@given(st.lists(RESULTS, max_size=4))
def test_a_push_comes_back_as_it_went(results: Any) -> None:
    pushed = codec.encode_push(b"\x00\x00\x80\x00\x00\xff", map(codec.encode_result, results))

    assert codec.decode(pushed, codec.read_push) == (b"\x00\x00\x80\x00\x00\xff", tuple(results))


def test_a_moment_keeps_its_instant_from_whatever_zone_and_is_told_in_utc() -> None:
    santiago = NOON.astimezone(timezone(timedelta(hours=-3)))

    there = codec.decode(codec.encode_order(an_order(not_after=santiago)), codec.read_order)

    assert there.not_after == NOON
    assert there.not_after.utcoffset() == timedelta(0)


def test_a_not_after_never_becomes_later() -> None:
    exact = NOON.replace(microsecond=259_999)

    there = codec.decode(codec.encode_order(an_order(not_after=exact)), codec.read_order)

    assert there.not_after == NOON.replace(microsecond=250_000)


def test_a_detail_is_cut_between_characters() -> None:
    result = a_result(detail="x" + "ñ" * 200)

    there = codec.decode(codec.encode_result(result), codec.read_result)

    assert there.detail == "x" + "ñ" * 127


# Bytes, written out by hand from the tables of docs/reference/order-board.md


def test_an_order_has_these_very_octets() -> None:
    order = an_order(number="Nº1", meter="M1", model="", not_after=None)

    assert codec.encode_order(order) == bytes.fromhex(
        "020B"  # structure of 11
        "15 0000000000000001"  # order_id
        "0C04 4EC2BA31"  # number, in UTF-8
        "16 01"  # LIMIT
        "0A02 4D31"  # meter
        "06 000009C4"  # 2500 W
        "15 0000000000000007"  # fence
        "15 0000000000000003"  # epoch
        "11 01"  # priority
        "00"  # no not_after
        "0A00"  # no model
        "00"  # it stays
    )


def test_a_result_has_these_very_octets() -> None:
    result = a_result(readback=replace(READBACK, before=2**63, written=-1, active=None, emergency=None, breaker=None))

    assert codec.encode_result(result) == bytes.fromhex(
        "020A"
        "15 0000000000000001 15 0000000000000001 15 0000000000000007"
        "16 00"  # OK
        "0A00 0C00"
        "0209"
        "15 8000000000000000"  # what long64 cannot hold
        "14 FFFFFFFFFFFFFFFF"
        "14 00000000000000FA"
        "00"
        "0F 01"  # tens of watts
        "090C 07EA 0B 18 02 0C 00 00 19 0000 00"  # Tuesday 2026-11-24 12:00:00.25 UTC
        "00 00 00"
        "00 00"  # nothing of the switch, nor of the demand, was asked
        "090C 07EA 0B 18 02 0C 00 00 19 0000 00"
    )


# What cannot be encoded is our mistake


@pytest.mark.parametrize(
    "changes",
    [
        {"order_id": -1},
        {"order_id": 2**64},
        {"fence": 2**64},
        {"limit_w": 2**32},
        {"limit_w": -1},
        {"priority": 256},
        {"meter": "M" * 65},
        {"meter": "ñ"},
        {"model": "M" * 65},
        {"number": "ñ" * 129},
        {"not_after": NOON.replace(tzinfo=None)},
    ],
)
def test_what_the_types_cannot_hold_is_not_sent(changes: dict[str, Any]) -> None:
    with pytest.raises(LocalProtocolError):
        codec.encode_order(an_order(**changes))


# What is refused


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_every_other_type_in_any_place_is_refused(name: str, place: int) -> None:
    form = FORMS[name]
    codec.decode(data.structure(*form.fields), form.read)
    others = [other for other in ONE_OF_EACH_TYPE if other[0] not in form.types[place]]

    codes = [form.refusal(*form.fields[:place], other, *form.fields[place + 1 :]) for other in others]

    assert len(others) >= 20
    assert set(codes) == {ErrorCode.MALFORMED}


@pytest.mark.parametrize("name", FORMS)
def test_a_field_too_few_or_too_many_is_refused(name: str) -> None:
    form = FORMS[name]

    assert form.refusal(*form.fields[:-1]) is ErrorCode.MALFORMED
    assert form.refusal(*form.fields, data.null()) is ErrorCode.MALFORMED
    assert form.refusal() is ErrorCode.MALFORMED


@pytest.mark.parametrize("name", FORMS)
def test_a_message_cut_anywhere_is_refused(name: str) -> None:
    form = FORMS[name]
    whole = data.structure(*form.fields)

    assert {refusal(whole[:end], form.read) for end in range(len(whole))} == {ErrorCode.MALFORMED}


@pytest.mark.parametrize("name", FORMS)
def test_octets_behind_a_message_are_refused(name: str) -> None:
    form = FORMS[name]

    assert refusal(data.structure(*form.fields) + b"\x00", form.read) is ErrorCode.MALFORMED


@pytest.mark.parametrize(
    ("name", "place", "wrong", "code"),
    [
        ("order", 1, data.utf8("x" * 257), ErrorCode.TOO_LONG),
        ("order", 1, data.utf8("ñ" * 129), ErrorCode.TOO_LONG),
        ("order", 2, data.enum(0), ErrorCode.MALFORMED),
        ("order", 2, data.enum(9), ErrorCode.MALFORMED),
        ("order", 3, data.text("x" * 65), ErrorCode.TOO_LONG),
        ("order", 3, b"\x0a\x01\xf1", ErrorCode.MALFORMED),
        ("order", 8, data.octets(b""), ErrorCode.MALFORMED),
        ("order", 8, data.octets(bytes(11)), ErrorCode.MALFORMED),
        ("order", 8, data.octets(bytes(13)), ErrorCode.TOO_LONG),
        ("order", 8, data.octets(encode(NOON)[:9] + b"\x80\x00\x00"), ErrorCode.MALFORMED),
        ("order", 8, data.octets(b"\xff" * 12), ErrorCode.MALFORMED),
        ("order", 8, data.octets(bytes(12)), ErrorCode.MALFORMED),
        ("order", 9, data.text("x" * 65), ErrorCode.TOO_LONG),
        ("result", 3, data.enum(3), ErrorCode.MALFORMED),
        ("result", 4, data.text("x" * 65), ErrorCode.TOO_LONG),
        ("result", 5, data.utf8("x" * 257), ErrorCode.TOO_LONG),
        ("result", 5, b"\x0c\x01\xff", ErrorCode.MALFORMED),
        ("result", 6, data.structure(*EVIDENCE[:-1]), ErrorCode.MALFORMED),
        ("result", 7, data.structure(*SUPPLY[:-1]), ErrorCode.MALFORMED),
        ("supply", 0, data.enum(3), ErrorCode.MALFORMED),
        ("supply", 1, data.enum(3), ErrorCode.MALFORMED),
        ("readback", 7, data.enum(3), ErrorCode.MALFORMED),
        ("row", 0, data.text("x" * 65), ErrorCode.TOO_LONG),
        ("push", 0, data.octets(bytes(7)), ErrorCode.TOO_LONG),
        ("push", 1, data.array(data.null()), ErrorCode.MALFORMED),
        ("push", 1, b"\x01\x84\xff\xff\xff\xff", ErrorCode.MALFORMED),
    ],
)
def test_a_value_that_its_place_cannot_have_is_refused(name: str, place: int, wrong: bytes, code: ErrorCode) -> None:
    form = FORMS[name]

    assert form.refusal(*form.fields[:place], wrong, *form.fields[place + 1 :]) is code


def test_more_entries_than_allowed_are_refused_before_they_are_read() -> None:
    numbers = codec.encode_array([codec.encode_number(1)] * 5)

    with pytest.raises(RemoteProtocolError) as refused:
        codec.decode_array(numbers, codec.read_number, most=4)

    assert refused.value.code is ErrorCode.TOO_LONG
    assert codec.decode_array(numbers, codec.read_number, most=5) == (1,) * 5


def test_no_list_is_longer_than_the_longest() -> None:
    array = codec.encode_array([data.null()] * (codec.ENTRIES_MAX + 1))

    with pytest.raises(RemoteProtocolError) as refused:
        codec.decode_array(array, lambda cursor: cursor.optional(cursor.truth))

    assert refused.value.code is ErrorCode.TOO_LONG


@given(st.sampled_from(sorted(FORMS)), st.binary(max_size=200))
def test_anything_at_all_is_read_or_refused(name: str, raw: bytes) -> None:
    assert outcome(raw, FORMS[name].read) in OUTCOMES


@given(st.sampled_from(sorted(FORMS)), st.integers(0, 400), st.integers(0, 255))
def test_any_octet_changed_is_read_or_refused(name: str, place: int, octet: int) -> None:
    form = FORMS[name]
    raw = bytearray(data.structure(*form.fields))
    raw[place % len(raw)] = octet

    assert outcome(bytes(raw), form.read) in OUTCOMES
