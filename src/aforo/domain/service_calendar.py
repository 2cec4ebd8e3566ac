"""When restrictive orders may run: working days, holidays, the service window, by the clock where the meter stands.

The source document asks for Monday to Friday; the window keeps a household from being cut off at night. Times of day
are wall-clock times: a day of 23 or 25 hours is one day, and what the clocks jump over is the first moment after.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SATURDAY = 5
_DAYS_SEARCHED = 400
"""More than any run of closed days; a calendar with no open day in it is a mistake of whoever set it up."""


class AmbiguousTime(ValueError):
    """A wall-clock time that occurs twice, because the clocks are set back over it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCalendar:
    """holidays: closed whatever the weekday.   open_days: open whatever else says otherwise.

    opens, closes: the window; closes is not included.   skips_fridays, skips_eves: also closed on Fridays, and on the
    day before a holiday.
    """

    holidays: frozenset[date] = frozenset()
    open_days: frozenset[date] = frozenset()
    opens: time = time(8)
    closes: time = time(18)
    skips_fridays: bool = False
    skips_eves: bool = False

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError(f"a service window from {self.opens} to {self.closes} is never open")

    def is_working_day(self, day: date) -> bool:
        if day in self.open_days:
            return True
        if day in self.holidays or day.weekday() >= _SATURDAY:
            return False
        if self.skips_fridays and day.weekday() == _SATURDAY - 1:
            return False
        return not (self.skips_eves and day + timedelta(days=1) in self.holidays)

    def is_open(self, at: datetime, time_zone: str) -> bool:
        local = at.astimezone(ZoneInfo(time_zone))
        return self.is_working_day(local.date()) and self.opens <= local.time() < self.closes

    def closing(self, at: datetime, time_zone: str) -> datetime:
        """When the window of that day closes, in UTC."""
        day = at.astimezone(ZoneInfo(time_zone)).date()
        return first_instant(datetime.combine(day, self.closes), time_zone)

    def next_opening(self, at: datetime, time_zone: str) -> datetime:
        """The first moment from `at` on, in UTC, at which it is open: `at` itself when it is."""
        if self.is_open(at, time_zone):
            return at.astimezone(UTC)
        day = at.astimezone(ZoneInfo(time_zone)).date()
        for _ in range(_DAYS_SEARCHED):
            opening = first_instant(datetime.combine(day, self.opens), time_zone)
            if opening > at and self.is_working_day(day):
                return opening
            day += timedelta(days=1)
        raise ValueError(f"the service calendar has no open day in {_DAYS_SEARCHED} days")

    def next_working_day(self, at: datetime, time_zone: str) -> datetime:
        """When the window opens on the next working day, today not counted, in UTC."""
        tomorrow = at.astimezone(ZoneInfo(time_zone)).date() + timedelta(days=1)
        return self.next_opening(first_instant(datetime.combine(tomorrow, time()), time_zone), time_zone)


def first_instant(wall: datetime, time_zone: str) -> datetime:
    """When, in UTC, the wall clock of the zone first shows this time or, where the clocks jump over it, a later one."""
    zone = ZoneInfo(time_zone)
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    before = wall.replace(tzinfo=zone, fold=0).utcoffset()
    after = wall.replace(tzinfo=zone, fold=1).utcoffset()
    assert before is not None and after is not None  # noqa: PT018 (a zone knows both)
    # Inside a gap fold=0 has the offset before it, fold=1 the one after: both clocks meet where the gap begins.
    return _gap_begin(wall, zone, moment - (after - before), moment)


def _gap_begin(wall: datetime, zone: ZoneInfo, earliest: datetime, latest: datetime) -> datetime:
    """The instant of the jump, to the second."""
    while latest - earliest > timedelta(seconds=1):
        middle = earliest + (latest - earliest) / 2
        if middle.astimezone(zone).replace(tzinfo=None) > wall:
            latest = middle
        else:
            earliest = middle
    return latest.replace(microsecond=0)


def moment_of(text: str, time_zone: str) -> datetime:
    """An ISO 8601 moment in UTC. Without an offset it is wall-clock time of the zone.

    Raises ValueError; AmbiguousTime when the wall clock shows it twice.
    """
    told = datetime.fromisoformat(text)
    if told.tzinfo is not None:
        return told.astimezone(UTC)
    zone = ZoneInfo(time_zone)
    first, second = (told.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first != second and first.astimezone(zone).replace(tzinfo=None) == told:
        raise AmbiguousTime(f"{text} occurs twice in {time_zone}: write it with its offset")
    return first_instant(told, time_zone)
