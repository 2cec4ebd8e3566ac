"""The service calendar from files: Chile's public holidays as shipped, and an operator's own rules before them.

The shipped table holds 2024 to 2035 as the law stood when it was frozen; the `holidays` package gives the years beyond
it. Both need no network. A law that changes is written into the operator's file.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, time
from importlib import resources
from pathlib import Path

import holidays

from aforo.domain.service_calendar import ServiceCalendar

COUNTRY = "CL"
LAST_YEAR_COMPUTED = 2060
CLOSED, OPEN = "closed", "open"
_COLUMNS = ["date", "rule", "name"]


class CalendarError(ValueError):
    """The file is wrong; the message names it and the line."""


@dataclass(frozen=True, slots=True)
class CalendarRules:
    closed: set[date] = field(default_factory=set)
    open: set[date] = field(default_factory=set)


def load_calendar(own: Path | None, *, opens: time, closes: time) -> ServiceCalendar:
    """own: a CSV file with the columns date, rule (closed or open) and name. Raises CalendarError."""
    shipped = shipped_rules()
    last_year = max(day.year for day in shipped.closed)
    closed = shipped.closed | computed_holidays(range(last_year + 1, LAST_YEAR_COMPUTED + 1))
    local = CalendarRules() if own is None else _read(own.read_text(encoding="utf-8").splitlines(), str(own))
    return ServiceCalendar(
        holidays=frozenset(closed | local.closed), open_days=frozenset(local.open), opens=opens, closes=closes
    )


def shipped_rules() -> CalendarRules:
    file = resources.files("aforo.adapters") / "calendars" / "chile.csv"
    return _read(file.read_text(encoding="utf-8").splitlines(), "chile.csv")


def computed_holidays(years: range) -> set[date]:
    return set(holidays.country_holidays(COUNTRY, years=years))


def _read(lines: Iterable[str], origin: str) -> CalendarRules:
    rules = CalendarRules()
    for number, row in _rows(lines, origin):
        try:
            day = date.fromisoformat(row["date"])
        except (TypeError, ValueError):
            raise CalendarError(f"{origin}, line {number}: date is YYYY-MM-DD, not {row['date']!r}") from None
        if row["rule"] not in (CLOSED, OPEN):
            raise CalendarError(f"{origin}, line {number}: rule is {CLOSED} or {OPEN}, not {row['rule']!r}")
        (rules.closed if row["rule"] == CLOSED else rules.open).add(day)
    return rules


def _rows(lines: Iterable[str], origin: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(lines)
    if reader.fieldnames != _COLUMNS:
        raise CalendarError(f"{origin}, line 1: the columns are {', '.join(_COLUMNS)}")
    yield from enumerate(reader, 2)
