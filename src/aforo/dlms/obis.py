"""OBIS codes (IEC 62056-6-1): six octets, written A-B:C.D.E.F."""

import re
from contextlib import suppress

from aforo.dlms.errors import LocalProtocolError

_WRITTEN = re.compile(r"(\d{1,3})[-.](\d{1,3})[:.](\d{1,3})\.(\d{1,3})\.(\d{1,3})[.*](\d{1,3})", re.ASCII)


def obis(text: str) -> bytes:
    """Of `0-0:17.0.0.255`, `0.0.17.0.0.255`, `0-0:17.0.0*255` or 12 hexadecimal digits. Raises LocalProtocolError."""
    written = _WRITTEN.fullmatch(text)
    if written is not None:
        groups = [int(group) for group in written.groups()]
        if max(groups) <= 255:
            return bytes(groups)
    elif len(text) == 12:
        with suppress(ValueError):
            octets = bytes.fromhex(text)
            if len(octets) == 6:
                return octets
    raise LocalProtocolError(f"{text!r} is not an OBIS code; write A-B:C.D.E.F, such as 0-0:17.0.0.255")


def show(octets: bytes) -> str:
    a, b, c, d, e, f = octets
    return f"{a}-{b}:{c}.{d}.{e}.{f}"
