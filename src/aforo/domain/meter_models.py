"""How a meter model is limited: data, read from one TOML file each."""

import tomllib
from dataclasses import dataclass
from typing import Any


class ModelError(ValueError):
    """The model file is wrong; the message names the file and the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterModel:
    """limiter, breaker: OBIS codes in dotted form; breaker None when the model has no switch.

    scaler: power of ten of watts for thresholds; None means: read it from the monitored register.
    ciphering: "auto", "glo" or "general-glo".
    """

    name: str
    title: str
    limiter: str = "0-0:17.0.0.255"
    breaker: str | None = "0-0:96.3.10.255"
    scaler: int | None = None
    ciphering: str = "auto"


GENERIC = "class71"
"""Model of a meter that was registered without one."""

_KNOWN = {"name", "title", "limiter", "breaker", "scaler", "ciphering"}


def parse_model(text: str, origin: str) -> MeterModel:
    """origin: file name, for messages. Raises ModelError."""
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise ModelError(f"{origin}: {wrong}") from wrong
    unknown = sorted(set(table) - _KNOWN)
    if unknown:
        raise ModelError(f"{origin}: unknown key {unknown[0]!r}; known are {', '.join(sorted(_KNOWN))}")
    for key in ("name", "title"):
        if not isinstance(table.get(key), str):
            raise ModelError(f"{origin}: {key} is missing or is not a text")
    if table.get("ciphering", "auto") not in ("auto", "glo", "general-glo"):
        raise ModelError(f"{origin}: ciphering is auto, glo or general-glo, not {table['ciphering']!r}")
    scaler = table.get("scaler")
    if scaler is not None and (not isinstance(scaler, int) or not -6 <= scaler <= 6):
        raise ModelError(f"{origin}: scaler is a power of ten from -6 to 6, not {scaler!r}")
    if table.get("breaker") == "":
        table["breaker"] = None
    return MeterModel(**table)
