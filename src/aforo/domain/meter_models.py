"""How a meter model is limited: data, read from one TOML file each."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from aforo.domain.quantities import HIGHEST_WATTS


class ModelError(ValueError):
    """The model file is wrong; the message names the file and the key, one line for each fault."""


class LimitMethod(Enum):
    """LIMITER: threshold_normal of a Limiter (class 71).   REGISTERS: every one of some Registers (class 3)."""

    LIMITER = "limiter"
    REGISTERS = "registers"


class VerifyRule(Enum):
    """What must be read back as equal to the limit. TOLD: threshold_normal, and threshold_active where the meter tells
    it.   ACTIVE: both, and a meter that does not tell the second has not shown that it obeys.   KEPT: the first only.
    """

    TOLD = "told"
    ACTIVE = "active"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class LogLayout:
    """A Profile generic (class 7). columns: OBIS codes of what each row holds, the clock first.

    words: of an event log, what each code in the second column means; empty of a load profile.
    """

    code: str
    columns: tuple[str, ...]
    words: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterModel:
    """limiter, breaker: OBIS codes; breaker None when the model has no switch.   demand: of the demand register (class
    5) by which the effect of a limit is proved; None when it has none.

    thresholds: OBIS codes of the registers, one for each rate: the limit is in force when all of them hold it.
    emergency_profile: number of the emergency profile by which the limiter ends a temporary limit by itself; None when
    it cannot.   verify: what must be read back.   control_mode: of the switch (class 70, 0 to 6); None when it is not
    known.   profile, events: how its load profile and its event log lie; None when it is not known.
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
    emergency_profile: int | None = None
    verify: VerifyRule = VerifyRule.TOLD
    control_mode: int | None = None
    profile: LogLayout | None = None
    events: LogLayout | None = None
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
        logs = (each.code for each in (self.profile, self.events) if each is not None)
        return (*limiting, *(code for code in (self.breaker, self.demand) if code is not None), *logs)

    @property
    def never_opens(self) -> bool:
        """Its switch, if it has one, is not moved by any command (control_mode 0)."""
        return self.control_mode == 0


GENERIC = "class71"
"""Model of a meter that was registered without one."""

THRESHOLDS_MAX = 32
SCALER_MAX = 6
EMERGENCY_PROFILE_MAX = 0xFFFF
CONTROL_MODE_MAX = 6
COLUMNS_MAX = 32
EVENT_CODE_MAX = 0xFFFF
_CIPHERINGS = ("auto", "glo", "general-glo")
_VERIFY_RULES = {rule.value: rule for rule in VerifyRule}
_METHODS = {method.value: method for method in LimitMethod}
_WATTS = ("whole number of watts", 1, HIGHEST_WATTS)
_NUMBERS = {
    "scaler": ("power of ten", -SCALER_MAX, SCALER_MAX),
    **dict.fromkeys(("lowest_w", "highest_w", "step_w"), _WATTS),
    "emergency_profile": ("whole number", 1, EMERGENCY_PROFILE_MAX),
    "control_mode": ("whole number", 0, CONTROL_MODE_MAX),
}
"""Keys that hold one: what it is, the lowest, the highest."""
_KNOWN = {
    *("name", "title", "method", "limiter", "thresholds", "breaker", "demand", "ciphering"),
    *("scaler", "lowest_w", "highest_w", "step_w", "emergency_profile"),
    *("verify", "control_mode", "profile", "events"),
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
    verify = _VERIFY_RULES[table.pop("verify", VerifyRule.TOLD.value)]
    profile, events = (_layout(table.pop(key, None)) for key in ("profile", "events"))
    return MeterModel(method=method, thresholds=thresholds, verify=verify, profile=profile, events=events, **table)


def _layout(table: dict[str, Any] | None) -> LogLayout | None:
    if table is None:
        return None
    words = {int(code): text for code, text in table.get("words", {}).items()}
    return LogLayout(table["code"], tuple(table["columns"]), words)


def _faults(table: dict[str, Any]) -> Iterator[str]:
    for key in sorted(set(table) - _KNOWN):
        yield f"unknown key {key!r}; known are {', '.join(sorted(_KNOWN))}"
    for key in ("name", "title"):
        if not isinstance(table.get(key), str) or not table[key]:
            yield f"{key} is missing or is not a text"
    for key in ("limiter", "breaker", "demand"):
        if not isinstance(table.get(key, ""), str):
            yield f"{key} is an OBIS code, not {table[key]!r}"
    for key, choices in (("ciphering", _CIPHERINGS), ("verify", tuple(_VERIFY_RULES))):
        if key in table and table[key] not in choices:
            yield f"{key} is {', '.join(choices)}, not {table[key]!r}"
    for key, (what, lowest, highest) in _NUMBERS.items():
        number = table.get(key)
        if number is not None and (type(number) is not int or not lowest <= number <= highest):
            yield f"{key} is a {what} from {lowest} to {highest}, not {number!r}"
    yield from _method_faults(table)
    for key in ("profile", "events"):
        if key in table:
            yield from _log_faults(key, table[key])


def _log_faults(key: str, log: Any) -> Iterator[str]:
    if not isinstance(log, dict):
        yield f"{key} is a table with code and columns, not {log!r}"
        return
    for unknown in sorted(set(log) - {"code", "columns", *(("words",) if key == "events" else ())}):
        yield f"{key}.{unknown} is not known"
    if not isinstance(log.get("code"), str):
        yield f"{key}.code is missing or is not an OBIS code"
    columns = log.get("columns")
    if not isinstance(columns, list) or not all(isinstance(each, str) for each in columns):
        yield f"{key}.columns is a list of OBIS codes, the clock first"
    elif not 2 <= len(columns) <= COLUMNS_MAX:
        yield f"{key}.columns has 2 to {COLUMNS_MAX} OBIS codes, not {len(columns)}"
    words = log.get("words", {})
    if not isinstance(words, dict) or not all(_is_event(code, text) for code, text in words.items()):
        yield f"{key}.words gives numbers from 0 to {EVENT_CODE_MAX} a text each"


def _is_event(code: str, text: Any) -> bool:
    is_number = code.isascii() and code.isdecimal() and int(code) <= EVENT_CODE_MAX
    return is_number and isinstance(text, str) and bool(text)


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
        for key in ("limiter", "emergency_profile"):
            if key in table:
                yield f"{key} is for method limiter"
    elif thresholds:
        yield "thresholds is for method registers"
