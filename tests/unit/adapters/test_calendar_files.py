"""Chile's holidays as shipped, what an operator's own file changes, and what is wrong in it."""

from datetime import date, time
from pathlib import Path

import pytest

from aforo.adapters.calendar_files import CalendarError, computed_holidays, load_calendar, shipped_rules

WINDOW = {"opens": time(8), "closes": time(18)}


def test_the_frozen_table_agrees_with_the_holidays_package() -> None:
    assert shipped_rules().closed == computed_holidays(range(2024, 2036))
    assert not shipped_rules().open


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-09-18", False),
        ("2026-09-19", False),
        ("2026-10-12", False),
        ("2026-12-31", True),
        ("2026-04-03", False),
        ("2027-09-17", False),
        ("2040-09-18", False),
        ("2026-11-25", True),
    ],
)
def test_a_day_is_a_working_day_by_law(day: str, works: bool) -> None:
    assert load_calendar(None, **WINDOW).is_working_day(date.fromisoformat(day)) is works


def test_an_operators_own_rules_go_before_the_law(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("date,rule,name\n2026-11-25,closed,Elections\n2026-09-18,open,On duty\n")
    calendar = load_calendar(own, **WINDOW)
    assert not calendar.is_working_day(date(2026, 11, 25))
    assert calendar.is_working_day(date(2026, 9, 18))
    assert not calendar.is_working_day(date(2026, 10, 12))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("day,what\n", "line 1: the columns are date, rule, name"),
        ("date,rule,name\n25-11-2026,closed,x\n", "line 2: date is YYYY-MM-DD"),
        ("date,rule,name\n2026-11-25,closed,x\n2026-11-26,shut,x\n", "line 3: rule is closed or open"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(tmp_path: Path, text: str, line: str) -> None:
    own = tmp_path / "own.csv"
    own.write_text(text)
    with pytest.raises(CalendarError, match=line):
        load_calendar(own, **WINDOW)
