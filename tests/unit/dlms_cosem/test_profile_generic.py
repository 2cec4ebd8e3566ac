"""Profile generic: whole, by range and by entry, as a client asks and as a device answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import (
    DataAccess,
    GetRequest,
    GetResponse,
    LocalProtocolError,
    RemoteProtocolError,
    Selection,
    data,
    dates,
)
from aforo.dlms.cosem.profile_generic import (
    ENTRY,
    PROFILE_GENERIC,
    RANGE,
    CaptureObject,
    ProfileGeneric,
    between,
    entries,
    numbered,
    read_capture_objects,
)
from aforo.dlms.obis import obis
from aforo.dlms.server import Server

NAME = obis("1-0:99.1.0.255")
CLOCK = CaptureObject(8, obis("0-0:1.0.0.255"), 2)
IMPORT = CaptureObject(3, obis("1-0:1.8.0.255"), 2)
EXPORT = CaptureObject(3, obis("1-0:2.8.0.255"), 2)
BEGIN = datetime(2026, 11, 25, tzinfo=UTC)
STEP = timedelta(minutes=15)
ROWS = [(data.octets(dates.encode(BEGIN + STEP * row)), data.u32(row * 10), data.u32(row)) for row in range(96)]


def profile(rows: Any = ROWS) -> Server:
    values = {4: data.u32(900), 5: data.enum(1), 6: CLOCK.encoded(), 8: data.u32(1000)}
    return Server([ProfileGeneric(NAME, (CLOCK, IMPORT, EXPORT), lambda: rows, values)])


def asked(selection: Selection | None) -> tuple[data.Value, ...]:
    answer = profile().answer(PROFILE_GENERIC.get("buffer", NAME, selection))
    assert isinstance(answer, GetResponse)
    assert answer.data is not None, answer.result
    value = data.decode(answer.data)
    assert isinstance(value, tuple)
    return value


def numbers(selection: Selection | None) -> list[data.Value]:
    """The import column of what is answered, divided by ten: the places of the rows."""
    return [row[1] // 10 for row in asked(selection)]  # type: ignore[index, operator]


def test_the_whole_buffer_and_what_describes_it_is_read() -> None:
    assert numbers(None) == list(range(96))
    columns = profile().answer(PROFILE_GENERIC.get("capture_objects", NAME))
    assert isinstance(columns, GetResponse)
    assert read_capture_objects(columns.data or b"") == (CLOCK, IMPORT, EXPORT)
    assert profile().answer(PROFILE_GENERIC.get("entries_in_use", NAME)) == GetResponse(
        DataAccess.SUCCESS, data.u32(96)
    )


@given(first=st.integers(0, 95), count=st.integers(1, 96))
def test_a_range_by_time_gives_the_rows_within_both_ends(first: int, count: int) -> None:
    last = min(95, first + count - 1)
    assert numbers(between(CLOCK, BEGIN + STEP * first, BEGIN + STEP * last)) == list(range(first, last + 1))


def test_a_range_by_number_and_of_some_columns() -> None:
    chosen = asked(numbered(IMPORT, data.u32(20), data.u32(45), (EXPORT, IMPORT)))
    assert chosen == ((2, 20), (3, 30), (4, 40))


@given(first=st.integers(1, 96), last=st.integers(0, 100))
def test_entries_are_counted_from_one_and_zero_means_all_that_follow(first: int, last: int) -> None:
    assert numbers(entries(first, last)) == list(range(first - 1, min(96, last or 96)))


def test_entries_of_some_columns() -> None:
    assert asked(entries(2, 3, first_column=2, last_column=3)) == ((10, 1), (20, 2))


FROM_ZERO = data.structure(data.u32(0), data.u32(1), data.u16(1), data.u16(0))


@pytest.mark.parametrize(
    ("selection", "result"),
    [
        (Selection(3, data.null()), DataAccess.SCOPE_OF_ACCESS_VIOLATED),
        (Selection(RANGE, data.null()), DataAccess.TYPE_UNMATCHED),
        (Selection(ENTRY, FROM_ZERO), DataAccess.TYPE_UNMATCHED),
        (numbered(CaptureObject(3, bytes(6), 2), data.u32(1), data.u32(2)), DataAccess.SCOPE_OF_ACCESS_VIOLATED),
        (numbered(IMPORT, data.text("a"), data.text("b")), DataAccess.TYPE_UNMATCHED),
        (numbered(CLOCK, data.octets(b"x"), data.octets(b"y")), DataAccess.TYPE_UNMATCHED),
    ],
)  # fmt: skip
def test_a_selection_that_makes_no_sense_is_refused(selection: Selection, result: DataAccess) -> None:
    assert profile().answer(GetRequest(7, NAME, 2, selection)) == GetResponse(result)


def test_a_client_asks_for_no_entry_before_the_first() -> None:
    with pytest.raises(LocalProtocolError):
        entries(0, 5)
    with pytest.raises(LocalProtocolError):
        between(CLOCK, datetime(2026, 1, 1), BEGIN)  # noqa: DTZ001 (a moment without a zone is what is tried)


@pytest.mark.parametrize("wrong", ["0100ff", "01010203120003090600000100", "010100", "0200"])
def test_columns_of_another_shape_are_refused(wrong: str) -> None:
    with pytest.raises(RemoteProtocolError):
        read_capture_objects(bytes.fromhex(wrong))
