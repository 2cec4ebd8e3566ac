"""Rows of the registry's CSV files to begin a test with."""

from collections.abc import Sequence

from aforo.adapters.registry_csv import CONCENTRATOR_COLUMNS, METER_COLUMNS
from aforo.dlms.keys import Key

KEY = "000102030405060708090A0B0C0D0E0F"
"""Global unicast key of the Green Book's examples (DLMS UA 1000-2, 9.2.7)."""

AUTHENTICATION_KEY = "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"


class OpenVault:
    """Hides nothing: wrapping puts a mark before the key, so that a test sees what was wrapped."""

    def wrap(self, key: Key) -> bytes:
        return b"wrapped:" + key.octets

    def unwrap(self, wrapped: bytes) -> Key:
        return Key(wrapped.removeprefix(b"wrapped:"))


def a_meter_row(**changes: str) -> dict[str, str]:
    """A delegated meter without keys."""
    row = dict.fromkeys(METER_COLUMNS, "")
    row |= {"meter_number": "M-1", "link": "delegated", "concentrator": "C-1"}
    row |= {"commissioned": "true", "max_power_w": "10000"}
    return {**row, **changes}


def a_direct_row(**changes: str) -> dict[str, str]:
    """With an address, a title and both keys."""
    keys = {"system_title": "4D4D4D0000BC614E", "encryption_key": KEY, "authentication_key": AUTHENTICATION_KEY}
    return a_meter_row(**{"link": "direct", "concentrator": "", "host": "127.0.0.1", "port": "4059", **keys, **changes})


def a_concentrator_row(**changes: str) -> dict[str, str]:
    row = dict.fromkeys(CONCENTRATOR_COLUMNS, "")
    return {**row, "concentrator": "C-1", "host": "10.0.0.7", "port": "4059", **changes}


def csv_of(*rows: dict[str, str], separator: str = ",") -> str:
    heading: Sequence[str] = list(rows[0])
    return "\n".join(separator.join(line) for line in (heading, *(row.values() for row in rows))) + "\n"
