"""What each cell of a registry row may hold. An InvalidCell says what would be right, never what was there."""

import re
from collections.abc import Collection
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.keys import Key, SystemTitle
from aforo.domain.devices import Framing, Link
from aforo.domain.quantities import HIGHEST_WATTS

KEY_DIGITS = 32
"""AES-128: security suite 0 (IEC 62056-5-3)."""

PHYSICAL_DEVICE_MAX = 0x3FFD
UPPER_ALONE_MAX, UPPER_MAX = 0x7F, 0x3FFF
"""An HDLC address has one octet alone, and up to two beside a lower one (IEC 62056-46)."""

_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9._:-]{0,252}", re.ASCII)
_TRUTH = {"true": True, "yes": True, "1": True, "sí": True, "si": True, "false": False, "no": False, "0": False}


class InvalidCell(ValueError):
    """es, en: what would be right."""

    def __init__(self, es: str, en: str) -> None:
        super().__init__(en)
        self.es = es
        self.en = en


def number(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise InvalidCell(
            "De 1 a 64 letras, dígitos, puntos, guiones o dos puntos.",
            "1 to 64 letters, digits, dots, dashes, underscores or colons.",
        )
    return text


def usage_point(text: str) -> str:
    if len(text) > 64 or not text.isprintable():
        raise InvalidCell("A lo más 64 caracteres visibles.", "At most 64 visible characters.")
    return text


def link(text: str) -> Link:
    try:
        return Link(text.lower())
    except ValueError:
        raise InvalidCell(
            "Debe ser direct, delegated o transparent.", "It is direct, delegated or transparent."
        ) from None


def framing(text: str) -> Framing:
    try:
        return Framing(text.lower())
    except ValueError:
        raise InvalidCell("Debe ser wrapper, udp o hdlc.", "It is wrapper, udp or hdlc.") from None


def host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise InvalidCell("Un nombre de equipo o una dirección IP.", "A host name or an IP address.")
    return text


def _whole(text: str, lowest: int, highest: int, unit: str = "") -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and lowest <= int(text) <= highest):
        raise InvalidCell(
            f"Un número entero de {lowest} a {highest}{unit}.", f"A whole number from {lowest} to {highest}{unit}."
        )
    return int(text)


def port(text: str) -> int:
    return _whole(text, 1, 65_535)


def sap(text: str) -> int:
    return _whole(text, 0, 65_535)


def physical_device(text: str) -> int:
    """The lower HDLC address; those beside it mean no station, whoever calls, and all stations (IEC 62056-46)."""
    return _whole(text, 1, PHYSICAL_DEVICE_MAX)


def watts(text: str) -> int:
    return _whole(text, 1, HIGHEST_WATTS, " W")


def model(text: str, models: Collection[str]) -> str:
    if text not in models:
        known = ", ".join(sorted(models))
        raise InvalidCell(f"Modelo desconocido; son: {known}.", f"Unknown model; they are: {known}.")
    return text


def title(text: str) -> bytes:
    try:
        return SystemTitle.from_hex(text).octets
    except LocalProtocolError:
        raise InvalidCell("16 dígitos hexadecimales.", "16 hexadecimal digits.") from None


def key(text: str) -> Key:
    digits = InvalidCell(f"{KEY_DIGITS} dígitos hexadecimales.", f"{KEY_DIGITS} hexadecimal digits.")
    if len(text) != KEY_DIGITS:
        raise digits
    try:
        return Key.from_hex(text)
    except LocalProtocolError:
        raise digits from None


def truth(text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise InvalidCell("true o false.", "true or false.")
    return _TRUTH[text.lower()]


def zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidCell(
            "Una zona horaria de la IANA, como America/Santiago.", "An IANA time zone, such as America/Santiago."
        ) from None
    return text
