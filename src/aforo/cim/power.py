"""An active power as CIM messages carry it: in a command text, or as value, multiplier and unit. Nothing is rounded."""

import re
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,12})?", re.ASCII)
"""At most 24 digits, which Decimal (28 by default) scales exactly."""

_COMMAND = re.compile(rf"({_NUMBER.pattern})\s?(W|kW)?", re.ASCII | re.IGNORECASE)
_MULTIPLIERS = {"": 0, "none": 0, "k": 3, "M": 6}
"""CIM UnitMultiplier, as a power of ten. Case counts: m is milli."""


class NoPower(ValueError):
    """element: which part is at fault, empty for a text that has no parts.   es, en: what would be right."""

    def __init__(self, element: str, es: str, en: str) -> None:
        super().__init__(en)
        self.element = element
        self.es = es
        self.en = en


def watts_of_command(text: str) -> Decimal:
    """Of `2500`, `2500 W` or `2.5 kW`; without a unit it is watts. Raises NoPower."""
    written = _COMMAND.fullmatch(text)
    if written is None:
        raise NoPower(
            "",
            "El comando debe ser un número decimal de vatios, como 2500, 2500 W o 2.5 kW.",
            "The command must be a decimal number of watts, such as 2500, 2500 W or 2.5 kW.",
        )
    number, unit = written.groups()
    return Decimal(number).scaleb(3 if (unit or "").lower() == "kw" else 0)


def watts_of_quantity(*, value: str, multiplier: str, unit: str) -> Decimal:
    """Raises NoPower."""
    if unit != "W":
        raise NoPower("unit", "Falta la unidad, o no es W.", "The unit is missing, or is not W.")
    if multiplier not in _MULTIPLIERS:
        raise NoPower("multiplier", "El multiplicador debe ser none, k o M.", "The multiplier must be none, k or M.")
    if not _NUMBER.fullmatch(value):
        raise NoPower("value", "El valor debe ser un número decimal.", "The value must be a decimal number.")
    return Decimal(value).scaleb(_MULTIPLIERS[multiplier])
