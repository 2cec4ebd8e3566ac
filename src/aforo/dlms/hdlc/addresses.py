"""HDLC addresses (IEC 62056-46, extended addressing): seven bits per octet, the lowest bit set in the last one."""

from typing import Final

from msgspec import Struct
from msgspec.structs import force_setattr

from aforo.dlms.errors import LocalProtocolError, malformed

WIDTHS: Final = (1, 2, 4)
_PART_MAX: Final = {1: 0x7F, 2: 0x7F, 4: 0x3FFF}


class Address(Struct, frozen=True):
    """upper: the client, or the server's logical device.   lower: the physical device, absent in one octet.

    width: octets on the wire, 1, 2 or 4; 0 takes the shortest that fits.
    """

    upper: int
    lower: int | None = None
    width: int = 0

    def __post_init__(self) -> None:
        if self.width == 0:
            force_setattr(self, "width", self._shortest())
        if self.width not in WIDTHS or (self.lower is None) != (self.width == 1):
            raise LocalProtocolError(f"{self.width} octets do not hold {self}")
        if not (0 <= self.upper <= _PART_MAX[self.width] and 0 <= (self.lower or 0) <= _PART_MAX[self.width]):
            raise LocalProtocolError(f"{self} does not fit {self.width} octets")

    def __str__(self) -> str:
        return str(self.upper) if self.lower is None else f"{self.upper}/{self.lower}"

    @property
    def is_all_stations(self) -> bool:
        """A broadcast to every station on the line."""
        return self.upper == _PART_MAX[self.width] and self.lower in (None, _PART_MAX[self.width])

    def means(self, station: "Address") -> bool:
        """Whether a frame to this address is one to the station, in whatever width the sender writes it.

        One octet names no physical device: on a line with one meter that is enough.
        """
        return self.upper == station.upper and (
            self.lower is None or station.lower is None or self.lower == station.lower
        )

    def encode(self) -> bytes:
        if self.width == 1:
            return bytes((self.upper << 1 | 1,))
        lower = self.lower or 0
        if self.width == 2:
            return bytes((self.upper << 1, lower << 1 | 1))
        return bytes((self.upper >> 6 & 0xFE, self.upper << 1 & 0xFE, lower >> 6 & 0xFE, lower << 1 & 0xFE | 1))

    def _shortest(self) -> int:
        if self.lower is None:
            return 1
        return 2 if max(self.upper, self.lower) <= _PART_MAX[2] else 4


def take_address(octets: bytes, at: int) -> tuple[Address, int]:
    """The address, and the offset behind it. Raises RemoteProtocolError (MALFORMED)."""
    field = octets[at : at + 4]
    width = next((n for n, octet in enumerate(field, 1) if octet & 1), 0)
    if width == 1:
        return Address(field[0] >> 1, None, 1), at + 1
    if width == 2:
        return Address(field[0] >> 1, field[1] >> 1, 2), at + 2
    if width == 4:
        upper, lower = field[0] << 6 | field[1] >> 1, field[2] << 6 | field[3] >> 1
        return Address(upper, lower, 4), at + 4
    raise malformed(f"{field.hex()} is no HDLC address")
