"""A-XDR lengths and COSEM data: what is written can be read, and nothing else can."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import ErrorCode, LocalProtocolError, RemoteProtocolError, axdr, data

INTEGERS = {
    0x0F: (-(2**7), 2**7 - 1),
    0x10: (-(2**15), 2**15 - 1),
    0x05: (-(2**31), 2**31 - 1),
    0x14: (-(2**63), 2**63 - 1),
    0x11: (0, 2**8 - 1),
    0x12: (0, 2**16 - 1),
    0x06: (0, 2**32 - 1),
    0x15: (0, 2**64 - 1),
}
"""Type tag: range (IEC 62056-6-2, common data types)."""


@pytest.mark.parametrize(
    ("count", "wire"),
    [(0, "00"), (0x7F, "7f"), (0x80, "8180"), (0xFF, "81ff"), (0x100, "820100"), (70_000, "83011170")],
)
def test_a_length_is_written_in_its_shortest_form_and_read_back(count: int, wire: str) -> None:
    assert axdr.put_length(count).hex() == wire
    assert axdr.take_length(b"\xaa" + bytes.fromhex(wire) + b"\xbb", 1) == (count, 1 + len(wire) // 2)


@pytest.mark.parametrize("wire", ["", "80", "81", "8201", "85000000000001", "ff"])
def test_a_length_that_is_cut_short_or_endless_is_refused(wire: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        axdr.take_length(bytes.fromhex(wire), 0)
    assert refused.value.code is ErrorCode.MALFORMED


@pytest.mark.parametrize(
    ("encoded", "wire", "value"),
    [
        (data.null(), "00", None),
        (data.boolean(True), "0301", True),
        (data.boolean(False), "0300", False),
        (data.i8(-1), "0fff", -1),
        (data.i16(-2), "10fffe", -2),
        (data.i32(-3), "05fffffffd", -3),
        (data.i64(-4), "14fffffffffffffffc", -4),
        (data.u8(200), "11c8", 200),
        (data.u16(3), "120003", 3),
        (data.u32(3300), "0600000ce4", 3300),
        (data.u64(2**63), "158000000000000000", 2**63),
        (data.enum(27), "161b", 27),
        (data.float32(1.5), "173fc00000", 1.5),
        (data.octets(b"\x00\x00\x11\x00\x00\xff"), "09060000110000ff", b"\x00\x00\x11\x00\x00\xff"),
        (data.text("AFR"), "0a03414652", "AFR"),
        (data.utf8("año"), "0c0461c3b16f", "año"),
        (data.structure(data.i8(1), data.enum(27)), "02020f01161b", (1, 27)),
        (data.array(data.u8(1), data.array()), "010211010100", (1, ())),
    ],
)
def test_each_type_has_its_tag_and_comes_back(encoded: bytes, wire: str, value: data.Value) -> None:
    """Tags: IEC 62056-5-3, CHOICE Data; the first structure is a scaler_unit as read from real meters."""
    assert encoded.hex() == wire
    assert data.decode(encoded) == value


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ("1907ea0b1903120000000000b4", bytes.fromhex("07ea0b1903120000000000b4")),
        ("1a07ea0b1903", bytes.fromhex("07ea0b1903")),
        ("1b12000000", bytes.fromhex("12000000")),
        ("183ff8000000000000", 1.5),
        ("0d17", 23),
        ("ff", None),
        ("0405b0", data.BitString("10110")),
        ("0400", data.BitString("")),
    ],
)
def test_types_that_only_meters_write_are_read(wire: str, value: data.Value) -> None:
    assert data.decode(bytes.fromhex(wire)) == value


@pytest.mark.parametrize("tag", INTEGERS)
def test_a_whole_number_fits_its_type_or_is_refused(tag: int) -> None:
    lowest, highest = INTEGERS[tag]
    for value in (lowest, highest):
        assert data.decode(data.integer(tag, value)) == value
    for value in (lowest - 1, highest + 1):
        with pytest.raises(LocalProtocolError):
            data.integer(tag, value)


@pytest.mark.parametrize("tag", [0x00, 0x03, 0x09, 0x16, 0x17, 0x99])
def test_a_type_that_is_no_whole_number_is_refused(tag: int) -> None:
    with pytest.raises(LocalProtocolError):
        data.integer(tag, 1)


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        ("", ErrorCode.MALFORMED),
        ("0600000c", ErrorCode.MALFORMED),
        ("0600000ce400", ErrorCode.MALFORMED),
        ("0905aabb", ErrorCode.MALFORMED),
        ("03", ErrorCode.MALFORMED),
        ("0a01ff", ErrorCode.MALFORMED),
        ("0c01ff", ErrorCode.MALFORMED),
        ("020200", ErrorCode.MALFORMED),
        ("018400ffffff", ErrorCode.MALFORMED),
        ("0408", ErrorCode.MALFORMED),
        ("1907ea", ErrorCode.MALFORMED),
        ("13", ErrorCode.MALFORMED),
        ("1306", ErrorCode.MALFORMED),
        ("130605 0000000100", ErrorCode.MALFORMED),
        ("130604 000000", ErrorCode.MALFORMED),
        ("1302021111 03 010203", ErrorCode.MALFORMED),
        ("1301ff", ErrorCode.MALFORMED),
        ("1313", ErrorCode.UNSUPPORTED),
        ("1399", ErrorCode.UNSUPPORTED),
        ("99", ErrorCode.UNSUPPORTED),
        ("13" + "0201" * 17 + "1101 01", ErrorCode.TOO_DEEP),
    ],
)
def test_what_breaks_the_grammar_is_refused(wire: str, code: ErrorCode) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        data.decode(bytes.fromhex(wire))
    assert refused.value.code is code


def test_sixteen_levels_of_structures_are_read_and_no_more() -> None:
    assert data.decode(b"\x02\x01" * data.DEPTH_MAX + b"\x00") is not None
    with pytest.raises(RemoteProtocolError) as refused:
        data.decode(b"\x02\x01" * (data.DEPTH_MAX + 1) + b"\x00")
    assert refused.value.code is ErrorCode.TOO_DEEP


def test_text_that_is_not_ascii_never_goes_out_as_visible_string() -> None:
    with pytest.raises(LocalProtocolError):
        data.text("año")


leaves = st.one_of(
    st.just(data.null()),
    st.booleans().map(data.boolean),
    st.integers(0, 2**32 - 1).map(data.u32),
    st.binary(max_size=200).map(data.octets),
    st.text(max_size=50).map(data.utf8),
    st.floats(width=32).map(data.float32),
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4).map(lambda parts: data.structure(*parts)), max_leaves=20
)


@given(values, st.binary(max_size=5))
def test_a_value_ends_where_it_was_written_to_end(encoded: bytes, rest: bytes) -> None:
    assert data.decode_from(encoded + rest, 0)[1] == len(encoded)


@given(st.binary(max_size=80))
def test_any_octets_are_a_value_or_refused(raw: bytes) -> None:
    """Nothing but RemoteProtocolError may leave; whatever was read ends where the octets end."""
    try:
        data.decode(raw)
    except RemoteProtocolError:
        return
    assert data.decode_from(raw, 0)[1] == len(raw)


def test_a_float_is_rounded_to_the_width_it_is_sent_in() -> None:
    assert data.decode(data.float32(0.1)) == struct.unpack(">f", struct.pack(">f", 0.1))[0]


@pytest.mark.parametrize(
    ("wire", "values"),
    [
        pytest.param("13 12 06 0001 0002 0003", (1, 2, 3), id="numbers"),
        pytest.param("13 02021206 0c 0001 00000002 0003 00000004", ((1, 2), (3, 4)), id="structures"),
        pytest.param("13 0202 01000211 0f 06 0102ff 0304fe", (((1, 2), -1), ((3, 4), -2)), id="arrays in structures"),
        pytest.param("13 02020911 06 02aabb07 0008", ((b"\xaa\xbb", 7), (b"", 8)), id="strings with a length each"),
        pytest.param("13 02021100 02 0102", ((1, None), (2, None)), id="null without octets"),
        pytest.param("13 1a 05 07ea0b1903", (bytes.fromhex("07ea0b1903"),), id="date"),
        pytest.param("13 06 00", (), id="empty"),
    ],
)
def test_a_compact_array_is_the_array_that_it_stands_for(wire: str, values: data.Value) -> None:
    """Spelled out from the grammar (IEC 62056-5-3, Data): a type description, a length, contents without tags."""
    assert data.decode(bytes.fromhex(wire)) == values


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param("13 00 01 aa", id="nothing, again and again"),
        pytest.param("13 01ffff 01ffff 01ffff 00 01 aa", id="nothing, 65535 times 65535 times 65535"),
        pytest.param("13 0202 11 01ffff 00" + "81ff" + "aa" * 255, id="nothing, 65535 times for each octet"),
    ],
)
def test_values_without_octets_do_not_fill_the_memory(wire: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        data.decode(bytes.fromhex(wire))
    assert refused.value.code is ErrorCode.MALFORMED
