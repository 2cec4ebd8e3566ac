"""A limit is whole watts, has a unit, and is never rounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.domain.quantities import HIGHEST_WATTS, InvalidLimit, LimitNotRepresentable, PowerLimit, watts_of


@pytest.mark.parametrize(
    ("text", "watts"),
    [("2500W", 2500), ("2.5kW", 2500), (" 2.500 kw ", 2500), ("1W", 1), ("10000kW", HIGHEST_WATTS), ("0.001kW", 1)],
)
def test_a_written_limit_is_read_exactly(text: str, watts: int) -> None:
    assert PowerLimit.parse(text) == PowerLimit(watts)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2500", "has no unit"),
        ("2.5kVA", "not a unit"),
        ("16A", "not a unit"),
        ("0W", "between 1 W and"),
        ("-5kW", "between 1 W and"),
        ("0.0005kW", "whole number of watts"),
        ("1.5W", "whole number of watts"),
        ("1e3W", "not a limit"),
        ("nankW", "not a limit"),
        ("infW", "not a limit"),
        ("", "not a limit"),
        ("２５００W", "not a limit"),
        ("99999999kW", "between 1 W and"),
    ],
)
def test_what_is_no_limit_is_refused_with_what_would_be_right(text: str, says: str) -> None:
    with pytest.raises(InvalidLimit, match=says):
        PowerLimit.parse(text)


@pytest.mark.parametrize(("scaler", "value"), [(0, 3300), (1, 330), (2, 33), (-1, 33000), (-3, 3_300_000)])
def test_a_limit_in_a_registers_scale_is_the_same_limit(scaler: int, value: int) -> None:
    assert PowerLimit(3300).scaled(scaler, highest=2**32 - 1) == value
    assert watts_of(value, scaler) == 3300


@pytest.mark.parametrize(("watts", "scaler", "highest"), [(2505, 1, 2**32 - 1), (70_000, 0, 2**16 - 1)])
def test_a_limit_that_the_register_cannot_hold_is_refused(watts: int, scaler: int, highest: int) -> None:
    with pytest.raises(LimitNotRepresentable):
        PowerLimit(watts).scaled(scaler, highest=highest)


@given(st.integers(1, HIGHEST_WATTS), st.integers(-6, 6))
def test_scaling_never_rounds(watts: int, scaler: int) -> None:
    try:
        value = PowerLimit(watts).scaled(scaler, highest=2**64 - 1)
    except LimitNotRepresentable:
        assert watts % 10**scaler
    else:
        assert watts_of(value, scaler) == watts
