"""How high the sun stands, and what panels make of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import cos, pi, radians, sin

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_DAYS = 365.25
_TILT = radians(23.44)
"""Of the earth's axis."""

_SOLSTICE = 172
"""21 June, as a day of the year."""


@dataclass(frozen=True, slots=True)
class Place:
    """Degrees, positive to the north and to the east."""

    latitude: float
    longitude: float

    def season(self, at: datetime) -> float:
        """From -1 in the middle of summer to 1 in the middle of winter, which comes a month after the solstice."""
        turned = 2 * pi * (_day_of_year(at) - _SOLSTICE - 30) / _YEAR_DAYS
        return -cos(turned) if self.latitude >= 0 else cos(turned)

    def sun(self, at: datetime) -> float:
        """Sine of its elevation, 0 at night; as if the earth's way around it were a circle (within some minutes)."""
        declination = _TILT * cos(2 * pi * (_day_of_year(at) - _SOLSTICE) / _YEAR_DAYS)
        second = (at - _EPOCH).total_seconds() % 86_400
        hour_angle = 2 * pi * (second / 86_400 - 0.5) + radians(self.longitude)
        latitude = radians(self.latitude)
        height = sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(hour_angle)
        return max(0.0, height)


def _day_of_year(at: datetime) -> float:
    """Since the first one, of a year of mean length."""
    return (at - _EPOCH).total_seconds() / 86_400 % _YEAR_DAYS
