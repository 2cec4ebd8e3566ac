"""date-time of 12 octets, and OBIS codes."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.dlms import ErrorCode, LocalProtocolError, RemoteProtocolError, dates
from aforo.dlms.obis import Notation, obis, show

SANTIAGO = ZoneInfo("America/Santiago")


@pytest.mark.parametrize(
    ("at", "wire"),
    [
        (datetime(2026, 7, 1, 12, 30, 15, 250_000, SANTIAGO), "07ea0701030c1e0f1900f000"),
        (datetime(2026, 11, 25, 12, 0, 0, 0, SANTIAGO), "07ea0b19030c00000000b480"),
        (datetime(2026, 11, 25, 12, 0, 0, 0, UTC), "07ea0b19030c000000000000"),
        (datetime(2026, 11, 25, 12, 0, tzinfo=timezone(timedelta(hours=2))), "07ea0b19030c000000ff8800"),
    ],
)
def test_local_time_goes_out_with_the_minutes_that_lead_to_utc(at: datetime, wire: str) -> None:
    """UTC = local + deviation (IEC 62056-6-2, 4.1.6.1): Santiago +240 in winter, +180 and daylight saving in summer."""
    assert dates.encode(at).hex() == wire
    assert dates.decode(bytes.fromhex(wire)) == at


@given(st.integers(0, 7 * 10**15), st.integers(-720, 840))
def test_a_moment_comes_back_to_the_hundredth(microseconds: int, minutes: int) -> None:
    at = datetime.fromtimestamp(0, timezone(timedelta(minutes=minutes))) + timedelta(microseconds=microseconds)
    back = dates.decode(dates.encode(at))
    assert back is not None
    assert timedelta(0) <= at - back < timedelta(milliseconds=10)


@pytest.mark.parametrize(
    "wire",
    ["ffffffffffffffffff800000", "07ea0b19030c000000800000", "07eaff19030c000000000000", "07ea0b1903ff000000000000"],
)
def test_a_moment_with_unspecified_parts_is_none(wire: str) -> None:
    assert dates.decode(bytes.fromhex(wire)) is None


def test_unspecified_hundredths_count_as_none_passed() -> None:
    at = dates.decode(bytes.fromhex("07ea0b19030c0000ff000000"))
    assert at == datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "wire",
    [
        "",
        "07ea0b19030c0000",
        "07ea0d19030c000000000000",
        "07ea021e030c000000000000",
        "07ea0b190318000000000000",
        "07ea0b19030c000064000000",
        "07ea0b19030c000000100000",
        "000001010000000000000000",
        "000101010000000000000000",
        "270f0c1f00173b3b00000000",
    ],
)
def test_a_moment_that_does_not_exist_is_refused(wire: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        dates.decode(bytes.fromhex(wire))
    assert refused.value.code is ErrorCode.MALFORMED


@given(st.binary(min_size=12, max_size=12))
def test_any_twelve_octets_are_a_moment_that_every_zone_can_tell_or_refused(octets: bytes) -> None:
    try:
        at = dates.decode(octets)
    except RemoteProtocolError:
        return
    assert at is None or at.astimezone(UTC) == at


def test_a_naive_moment_never_goes_out() -> None:
    with pytest.raises(LocalProtocolError):
        dates.encode(datetime(2026, 11, 25))  # noqa: DTZ001 (the point of the test)


@pytest.mark.parametrize(
    "written", ["0-0:17.0.0.255", "0.0.17.0.0.255", "0-0:17.0.0*255", "0000110000ff", "0000110000FF"]
)
def test_an_obis_code_is_read_in_every_usual_form(written: str) -> None:
    assert obis(written) == bytes.fromhex("0000110000ff")


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("1.8.0", "1-0:1.8.0.255"),
        ("1-0:1.8.0", "1-0:1.8.0.255"),
        ("0-1:94.34.11", "0-1:94.34.11.255"),
        ("32.7.0", "1-0:32.7.0.255"),
        ("96.1.0", "0-0:96.1.0.255"),
        ("C.1.0", "0-0:96.1.0.255"),
        ("F.F", "0-0:97.97.0.255"),
        ("1.8", "1-0:1.8.0.255"),
        ("1-0:1.8.0*01", "1-0:1.8.0.1"),
        ("1-0:1.8.0&01", "1-0:1.8.0.1"),
    ],
)
def test_what_goes_without_saying_may_be_left_out(written: str, full: str) -> None:
    assert show(obis(written)) == full


@pytest.mark.parametrize(
    ("full", "reduced"),
    [
        ("1-0:1.8.0.255", "1.8.0"),
        ("0-0:96.1.0.255", "96.1.0"),
        ("0-0:17.0.0.255", "0-0:17.0.0"),
        ("1-1:1.8.0.255", "1-1:1.8.0"),
        ("1-0:1.8.0.1", "1-0:1.8.0.1"),
    ],
)
def test_the_reduced_form_leaves_out_only_what_comes_back(full: str, reduced: str) -> None:
    assert show(obis(full), Notation.REDUCED) == reduced


@pytest.mark.parametrize(
    ("notation", "shown"),
    [(Notation.STAR, "1-0:1.8.0*255"), (Notation.DOTTED, "1.0.1.8.0.255"), (Notation.HEX, "0100010800ff")],
)
def test_the_other_notations(notation: Notation, shown: str) -> None:
    assert show(bytes.fromhex("0100010800ff"), notation) == shown


@pytest.mark.parametrize(
    "written",
    [
        "",
        "17",
        "1.8.0.255",
        "1-0:1.8.999",
        "X.1.0",
        "0-0:17.0.0.256",
        "0-0:17.0.0.255 ",
        "00001100",
        "zz00110000ff",
        "00 00 1100ff",
        "٠-0:17.0.0.255",
    ],
)
def test_what_is_no_obis_code_is_refused(written: str) -> None:
    with pytest.raises(LocalProtocolError):
        obis(written)


@given(st.binary(min_size=6, max_size=6), st.sampled_from(Notation))
def test_an_obis_code_shown_is_read_back(octets: bytes, notation: Notation) -> None:
    assert obis(show(octets, notation)) == octets
