"""How a meter model is limited: data, read from one TOML file each."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from aforo.domain.quantities import HIGHEST_WATTS


class ModelError(ValueError):
    """The model file is wrong; the message names the file and the key, one line for each fault."""


class LimitMethod(Enum):
    """LIMITER: threshold_normal of a Limiter (class 71).   REGISTERS: every one of some Registers (class 3)."""

    LIMITER = "limiter"
    REGISTERS = "registers"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterModel:
    """limiter, breaker: OBIS codes; breaker None when the model has no switch.   demand: of the demand register (class
    5) by which the effect of a limit is proved; None when it has none.

    thresholds: OBIS codes of the registers, one for each rate: the limit is in force when all of them hold it.
    scaler: power of ten of watts for thresholds; None means: the meter tells it, of the register that the limiter
    monitors or of the thresholds themselves.   lowest_w, highest_w, step_w: what limits it takes, as far as the scale
    does not tell; None for no bound.   ciphering: "auto", "glo" or "general-glo".
    """

    name: str
    title: str
    method: LimitMethod = LimitMethod.LIMITER
    limiter: str = "0-0:17.0.0.255"
    thresholds: tuple[str, ...] = ()
    breaker: str | None = "0-0:96.3.10.255"
    demand: str | None = "1-0:1.4.0.255"
    scaler: int | None = None
    lowest_w: int | None = None
    highest_w: int | None = None
    step_w: int | None = None
    ciphering: str = "auto"

    def takes(self, watts: int) -> bool:
        """Whether a limit lies within the range, and on a step."""
        is_within = (self.lowest_w is None or watts >= self.lowest_w) and (
            self.highest_w is None or watts <= self.highest_w
        )
        return is_within and (self.step_w is None or watts % self.step_w == 0)

    @property
    def codes(self) -> tuple[str, ...]:
        """Every OBIS code in it."""
        limiting = (self.limiter,) if self.method is LimitMethod.LIMITER else self.thresholds
        return (*limiting, *(code for code in (self.breaker, self.demand) if code is not None))


GENERIC = "class71"
"""Model of a meter that was registered without one."""

THRESHOLDS_MAX = 32
SCALER_MAX = 6
_CIPHERINGS = ("auto", "glo", "general-glo")
_METHODS = {method.value: method for method in LimitMethod}
_KNOWN = {
    *("name", "title", "method", "limiter", "thresholds", "breaker", "demand", "ciphering"),
    *("scaler", "lowest_w", "highest_w", "step_w"),
}


def parse_model(text: str, origin: str) -> MeterModel:
    """origin: file name, for messages. Raises ModelError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise ModelError(f"{origin}: {wrong}") from wrong
    faults = list(_faults(table))
    if faults:
        raise ModelError("\n".join(f"{origin}: {fault}" for fault in faults))
    method = _METHODS[table.pop("method", LimitMethod.LIMITER.value)]
    thresholds = tuple(table.pop("thresholds", ()))
    for key in ("breaker", "demand"):
        if table.get(key) == "":
            table[key] = None
    return MeterModel(method=method, thresholds=thresholds, **table)


def _faults(table: dict[str, Any]) -> Iterator[str]:
    for key in sorted(set(table) - _KNOWN):
        yield f"unknown key {key!r}; known are {', '.join(sorted(_KNOWN))}"
    for key in ("name", "title"):
        if not isinstance(table.get(key), str) or not table[key]:
            yield f"{key} is missing or is not a text"
    for key in ("limiter", "breaker", "demand"):
        if not isinstance(table.get(key, ""), str):
            yield f"{key} is an OBIS code, not {table[key]!r}"
    if table.get("ciphering", "auto") not in _CIPHERINGS:
        yield f"ciphering is {', '.join(_CIPHERINGS)}, not {table['ciphering']!r}"
    scaler = table.get("scaler", 0)
    if type(scaler) is not int or not -SCALER_MAX <= scaler <= SCALER_MAX:
        yield f"scaler is a power of ten from -{SCALER_MAX} to {SCALER_MAX}, not {scaler!r}"
    for key in ("lowest_w", "highest_w", "step_w"):
        watts = table.get(key)
        if watts is not None and (type(watts) is not int or not 1 <= watts <= HIGHEST_WATTS):
            yield f"{key} is a whole number of watts from 1 to {HIGHEST_WATTS}, not {watts!r}"
    yield from _method_faults(table)


def _method_faults(table: dict[str, Any]) -> Iterator[str]:
    method, thresholds = table.get("method", LimitMethod.LIMITER.value), table.get("thresholds", [])
    if method not in _METHODS:
        yield f"method is {' or '.join(_METHODS)}, not {method!r}"
        return
    if not isinstance(thresholds, list) or not all(isinstance(code, str) for code in thresholds):
        yield "thresholds is a list of OBIS codes"
        return
    if method == LimitMethod.REGISTERS.value:
        if not 1 <= len(thresholds) <= THRESHOLDS_MAX:
            yield f"thresholds has 1 to {THRESHOLDS_MAX} OBIS codes, not {len(thresholds)}"
        if len(set(thresholds)) != len(thresholds):
            yield "thresholds names a register twice"
        if "limiter" in table:
            yield "limiter is for method limiter"
    elif thresholds:
        yield "thresholds is for method registers"
