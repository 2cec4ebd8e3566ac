"""When orders may run: Monday to Friday where the meter stands. Holidays are not known yet."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

_SATURDAY = 5


def is_working_day(now: datetime, time_zone: str) -> bool:
    return now.astimezone(ZoneInfo(time_zone)).weekday() < _SATURDAY


def next_working_day(now: datetime, time_zone: str) -> datetime:
    """Midnight, local, at which the next working day begins; later than now even on a working day.

    Local midnight is computed on the wall clock, so a day of 23 or 25 hours is one day.
    """
    zone = ZoneInfo(time_zone)
    day = now.astimezone(zone).date() + timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return datetime.combine(day, time(), tzinfo=zone)
