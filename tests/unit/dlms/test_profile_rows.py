"""Rows of a profile, the fast way: the same values and the same errors as the general way."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import RemoteProtocolError, data, dates
from aforo.dlms.profile_rows import decode_moments, decode_rows

BEGIN = datetime(2026, 11, 25, tzinfo=timezone(-timedelta(hours=3)))
VALUES = st.one_of(
    st.integers(0, 2**32 - 1).map(data.u32),
    st.integers(0, 255).map(data.u8),
    st.integers(-128, 127).map(data.i8),
    st.integers(0, 65535).map(data.u16),
    st.integers(-(2**31), 2**31 - 1).map(data.i32),
    st.integers(0, 2**64 - 1).map(data.u64),
    st.booleans().map(data.boolean),
    st.integers(0, 255).map(data.enum),
    st.floats(width=32, allow_nan=False).map(data.float32),
    st.binary(max_size=20).map(data.octets),
    st.text("abc", max_size=4).map(data.text),
    st.just(data.null()),
)


def buffer(rows: list[list[bytes]]) -> bytes:
    return data.array(*(data.structure(*row) for row in rows))


def outcome(decode: object, encoded: object) -> object:
    try:
        return decode(encoded)  # type: ignore[operator]
    except RemoteProtocolError as refused:
        return refused.code


@given(row=st.lists(VALUES, max_size=5), count=st.integers(0, 12), other=st.lists(VALUES, max_size=5))
def test_rows_are_what_the_general_decoder_gives_alike_or_not(row: list[bytes], count: int, other: list[bytes]) -> None:
    for rows in ([row] * count, [*[row] * count, other], [other, *[row] * count]):
        assert decode_rows(buffer(rows)) == data.decode(buffer(rows))


@given(
    rows=st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 255)), min_size=4, max_size=30), data_=st.data()
)
def test_what_is_cut_short_or_changed_is_refused_as_by_the_general_decoder(
    rows: list[tuple[int, int]], data_: st.DataObject
) -> None:
    encoded = buffer([[data.u32(number), data.u8(small)] for number, small in rows])
    cut = encoded[: data_.draw(st.integers(2, len(encoded)))]
    place = data_.draw(st.integers(1, len(encoded) - 1))
    changed = encoded[:place] + bytes((encoded[place] ^ data_.draw(st.integers(1, 255)),)) + encoded[place + 1 :]
    for each in (cut, changed, encoded + b"\x00"):
        assert outcome(decode_rows, each) == outcome(data.decode, each)


@pytest.mark.parametrize("encoded", ["020211011102", "00", "1105", "0900"])
def test_a_buffer_that_is_no_array_is_refused(encoded: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_rows(bytes.fromhex(encoded))


MOMENTS = st.integers(0, 10**8).map(lambda seconds: BEGIN + timedelta(seconds=seconds))


ANY_OCTETS = st.builds(
    lambda moment, place, octet: moment[:place] + bytes((octet,)) + moment[place + 1 :],
    MOMENTS.map(dates.encode),
    st.integers(0, 11),
    st.integers(0, 255),
)


@given(st.lists(st.one_of(MOMENTS.map(dates.encode), st.just(b"\xff" * 9 + b"\x80\x00\x00")), max_size=30))
def test_moments_are_those_of_the_general_decoder(column: list[bytes]) -> None:
    assert decode_moments(column) == list(map(dates.decode, column))


@given(st.lists(st.one_of(MOMENTS.map(dates.encode), ANY_OCTETS, ANY_OCTETS.map(lambda each: each[:-1])), max_size=8))
def test_octets_of_a_date_time_that_were_changed_are_taken_or_refused_as_by_the_general_decoder(
    column: list[bytes],
) -> None:
    def generally(octets: list[bytes]) -> object:
        return list(map(dates.decode, octets))

    assert outcome(decode_moments, column) == outcome(generally, column)


def test_an_unspecified_moment_is_none_even_where_its_time_of_day_does_not_exist() -> None:
    unspecified = bytes.fromhex("ffff0b1903200000000000") + b"\x00"
    assert decode_moments([unspecified]) == [None]


@pytest.mark.parametrize("wrong", [None, 5, b"short", bytes(12)])
def test_what_is_no_date_time_is_refused(wrong: data.Value) -> None:
    good = dates.encode(datetime(2026, 11, 25, tzinfo=UTC))
    with pytest.raises(RemoteProtocolError):
        decode_moments([good, wrong])
