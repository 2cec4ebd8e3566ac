"""The limit of an order: whole watts, never rounded."""

import re
from decimal import Decimal, InvalidOperation

from msgspec import Struct

HIGHEST_WATTS = 10_000_000
"""10 MW: above any low- or medium-voltage service connection that a meter's own breaker could cut."""

_UNITS = {"w": Decimal(1), "kw": Decimal(1000)}
_WRITTEN = re.compile(r"\s*([+-]?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", re.ASCII)


class InvalidLimit(ValueError):
    """The text is no limit; the message says what would be right."""


class LimitNotRepresentable(ValueError):
    """The meter's register cannot hold this limit exactly."""


class PowerLimit(Struct, frozen=True, order=True):
    """watts: whole, at least 1, at most HIGHEST_WATTS."""

    watts: int

    def __post_init__(self) -> None:
        if not 1 <= self.watts <= HIGHEST_WATTS:
            raise InvalidLimit(f"a limit lies between 1 W and {HIGHEST_WATTS} W, not {self.watts} W")

    @classmethod
    def parse(cls, text: str) -> "PowerLimit":
        """Read `2500W` or `2.5kW`; the unit is mandatory. Raises InvalidLimit."""
        written = _WRITTEN.fullmatch(text)
        if written is None:
            raise InvalidLimit(f"{text!r} is not a limit; write a number and its unit, such as 2500W or 2.5kW")
        number, unit = written.groups()
        if not unit:
            raise InvalidLimit(f"{text!r} has no unit; write {text.strip()}W or {text.strip()}kW")
        if unit.lower() not in _UNITS:
            raise InvalidLimit(f"{unit!r} is not a unit of a limit; write W or kW")
        try:
            watts = Decimal(number) * _UNITS[unit.lower()]
        except InvalidOperation:
            raise InvalidLimit(f"{text!r} is not a limit") from None
        if watts != watts.to_integral_value():
            raise InvalidLimit(f"{text!r} is not a whole number of watts; a limit is never rounded")
        return cls(int(watts))

    def is_multiple_of(self, scaler: int) -> bool:
        """A register that counts in 10^scaler W can hold it, if its type is large enough."""
        return scaler <= 0 or self.watts % int(10**scaler) == 0

    def scaled(self, scaler: int, *, highest: int) -> int:
        """Express the limit in a register's unit of 10^scaler W.

        highest: the largest value of the register's type. Raises LimitNotRepresentable: nothing is rounded.
        """
        if scaler > 0:
            step = int(10**scaler)
            if not self.is_multiple_of(scaler):
                raise LimitNotRepresentable(f"{self} is not a multiple of {step} W, the register's step")
            value = self.watts // step
        else:
            value = self.watts * int(10**-scaler)
        if value > highest:
            raise LimitNotRepresentable(f"{self} is above {highest} × 10^{scaler} W, the register's largest value")
        return value

    def __str__(self) -> str:
        return f"{self.watts} W"


def plain(watts: Decimal) -> str:
    """Written out, without an exponent and without zeros that say nothing: 2300, 0.5."""
    written = f"{watts:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def watts_of(value: int, scaler: int) -> Decimal:
    """The watts of a register's raw value in units of 10^scaler W; exact, so it may have decimals."""
    return Decimal(value).scaleb(scaler)
