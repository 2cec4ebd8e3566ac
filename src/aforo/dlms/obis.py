"""OBIS codes (IEC 62056-6-1): six octets, A to F, and the ways in which they are written."""

import re
from contextlib import suppress
from enum import Enum
from functools import lru_cache

from aforo.dlms.errors import LocalProtocolError

_FULL = re.compile(r"(\d{1,3})[-.](\d{1,3})[:.](\d{1,3})\.(\d{1,3})\.(\d{1,3})[.*&](\d{1,3})", re.ASCII)
_REDUCED = re.compile(r"(?:(\d{1,3})-)?(?:(\d{1,3}):)?(\d{1,3}|[CFLP])\.(\d{1,3}|F)(?:\.(\d{1,3}))?", re.ASCII)
_LETTERS = {"C": 96, "F": 97, "L": 98, "P": 99}
"""Of groups C and D in the readouts of IEC 62056-21: service, error, list and profile codes."""

_ABSTRACT = range(94, 100)
"""Values of group C of objects that belong to no medium."""

_ELECTRICITY, _CURRENT = 1, 255


class Notation(Enum):
    """FULL: 1-0:1.8.0.255.   STAR: 1-0:1.8.0*255.   DOTTED: 1.0.1.8.0.255.   HEX: 0100010800ff.

    REDUCED: 1.8.0, where A, B and F are those that go without saying; else without F, or in full.
    """

    FULL = "full"
    STAR = "star"
    DOTTED = "dotted"
    REDUCED = "reduced"
    HEX = "hex"


@lru_cache(maxsize=4096)
def obis(text: str) -> bytes:
    """Of any `Notation`, `&` in place of `*`, or without E. Raises LocalProtocolError.

    What is left out: A is 1, electricity, or 0 where C is abstract; B and E are 0; F is 255.
    """
    written = _FULL.fullmatch(text)
    if written is not None:
        return _octets(text, [int(group) for group in written.groups()])
    if len(text) == 12:
        with suppress(ValueError):
            octets = bytes.fromhex(text)
            if len(octets) == 6:
                return octets
    reduced = _REDUCED.fullmatch(text)
    if reduced is None:
        raise _no_code(text)
    a, b, *rest = reduced.groups()
    c, d, e = (_LETTERS[group] if group in _LETTERS else int(group or 0) for group in rest)
    return _octets(text, [_medium(c) if a is None else int(a), int(b or 0), c, d, e, _CURRENT])


def show(octets: bytes, notation: Notation = Notation.FULL) -> str:
    a, b, c, d, e, f = octets
    match notation:
        case Notation.STAR:
            return f"{a}-{b}:{c}.{d}.{e}*{f}"
        case Notation.DOTTED:
            return ".".join(map(str, octets))
        case Notation.HEX:
            return octets.hex()
        case Notation.REDUCED if f == _CURRENT:
            return f"{c}.{d}.{e}" if (a, b) == (_medium(c), 0) else f"{a}-{b}:{c}.{d}.{e}"
    return f"{a}-{b}:{c}.{d}.{e}.{f}"


def _medium(c: int) -> int:
    return 0 if c in _ABSTRACT else _ELECTRICITY


def _octets(text: str, groups: list[int]) -> bytes:
    if max(groups) > 255:
        raise _no_code(text)
    return bytes(groups)


def _no_code(text: str) -> LocalProtocolError:
    return LocalProtocolError(f"{text!r} is not an OBIS code; write A-B:C.D.E.F, such as 0-0:17.0.0.255")
