"""Monday to Friday where the meter stands, whatever the clocks do (domain.md, section 5)."""

from datetime import UTC, datetime

import pytest

from aforo.domain.working_days import is_working_day, next_working_day

SANTIAGO = "America/Santiago"


@pytest.mark.parametrize(
    ("utc", "works"),
    [
        ("2026-11-27T12:00", True),  # Friday
        ("2026-11-28T02:59", True),  # still Friday in Santiago, UTC-3
        ("2026-11-28T03:00", False),  # Saturday
        ("2026-11-29T12:00", False),  # Sunday
        ("2026-11-30T02:59", False),  # still Sunday in Santiago
        ("2026-11-30T03:00", True),  # Monday
    ],
)
def test_a_working_day_is_one_where_the_meter_stands(utc: str, works: bool) -> None:
    assert is_working_day(datetime.fromisoformat(utc).replace(tzinfo=UTC), SANTIAGO) is works


@pytest.mark.parametrize(
    ("utc", "opens"),
    [
        ("2026-11-27T12:00", "2026-11-30T03:00"),  # Friday: Monday
        ("2026-11-28T12:00", "2026-11-30T03:00"),
        ("2026-11-25T12:00", "2026-11-26T03:00"),
        ("2026-04-03T12:00", "2026-04-06T04:00"),  # the clocks go back on Saturday night: UTC-4 on Monday
        ("2026-09-04T12:00", "2026-09-07T03:00"),  # Sunday's midnight does not exist; Monday's does, UTC-3
    ],
)
def test_the_next_working_day_begins_at_local_midnight(utc: str, opens: str) -> None:
    found = next_working_day(datetime.fromisoformat(utc).replace(tzinfo=UTC), SANTIAGO)

    assert found.astimezone(UTC).isoformat() == f"{opens}:00+00:00"
