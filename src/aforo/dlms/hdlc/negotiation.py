"""What SNRM and UA agree on (IEC 62056-46): longest information fields and windows, each way."""

from dataclasses import dataclass
from typing import Final

from aforo.dlms.errors import LocalProtocolError, malformed

INFORMATION_DEFAULT, INFORMATION_MIN, INFORMATION_MAX = 128, 32, 2030
WINDOW_DEFAULT, WINDOW_MAX = 1, 7

_FORMAT: Final = b"\x81\x80"
_GROUP_HEADER_OCTETS: Final = 3
_IDENTIFIERS: Final = (5, 6, 7, 8)
_VALUE_OCTETS_MAX: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkParameters:
    """information_max_…: octets of one frame's information.   window_…: frames before an acknowledgement.

    transmit and receive: seen from the station whose parameters these are.
    """

    information_max_transmit: int = INFORMATION_DEFAULT
    information_max_receive: int = INFORMATION_DEFAULT
    window_transmit: int = WINDOW_DEFAULT
    window_receive: int = WINDOW_DEFAULT

    def __post_init__(self) -> None:
        for octets in (self.information_max_transmit, self.information_max_receive):
            if not INFORMATION_MIN <= octets <= INFORMATION_MAX:
                raise LocalProtocolError(f"an information field of {octets} octets")
        for frames in (self.window_transmit, self.window_receive):
            if not 1 <= frames <= WINDOW_MAX:
                raise LocalProtocolError(f"a window of {frames} frames")

    def agree(self, peer: "LinkParameters") -> "LinkParameters":
        """Ours, lowered to what the peer takes and sends: its transmit is our receive."""
        return LinkParameters(
            information_max_transmit=min(self.information_max_transmit, peer.information_max_receive),
            information_max_receive=min(self.information_max_receive, peer.information_max_transmit),
            window_transmit=min(self.window_transmit, peer.window_receive),
            window_receive=min(self.window_receive, peer.window_transmit),
        )

    def encode(self) -> bytes:
        """The information field of an SNRM or UA. Lengths take one octet where they fit, windows always four."""
        lengths = (self.information_max_transmit, self.information_max_receive)
        values = [value.to_bytes(1 if value <= 0xFF else 2, "big") for value in lengths]
        values += [value.to_bytes(4, "big") for value in (self.window_transmit, self.window_receive)]
        fields = zip(_IDENTIFIERS, values, strict=True)
        group = b"".join(bytes((identifier, len(value))) + value for identifier, value in fields)
        return _FORMAT + bytes((len(group),)) + group


DEFAULTS: Final = LinkParameters()


def decode_parameters(information: bytes) -> LinkParameters:
    """What is not said has its default; what is unknown is passed over, and so are groups behind the first (user data).

    Values above the standard's are taken as its highest. Raises RemoteProtocolError (MALFORMED).
    """
    if not information:
        return DEFAULTS
    end = _GROUP_HEADER_OCTETS + (information[2] if len(information) >= _GROUP_HEADER_OCTETS else 0)
    if not information.startswith(_FORMAT) or end > len(information):
        raise malformed(f"{information[:_GROUP_HEADER_OCTETS].hex()} begins no parameter negotiation")
    said: dict[int, int] = {}
    at = _GROUP_HEADER_OCTETS
    while at < end:
        value = information[at + 2 : at + 2 + information[at + 1]] if at + 2 <= end else b""
        at_next = at + 2 + len(value)
        if not value or at_next > end or len(value) != information[at + 1]:
            raise malformed("a negotiated parameter without its value")
        said[information[at]] = _number(information[at], value)
        at = at_next
    return LinkParameters(
        information_max_transmit=_length(said.get(5, INFORMATION_DEFAULT)),
        information_max_receive=_length(said.get(6, INFORMATION_DEFAULT)),
        window_transmit=_window(said.get(7, WINDOW_DEFAULT)),
        window_receive=_window(said.get(8, WINDOW_DEFAULT)),
    )


def _number(identifier: int, value: bytes) -> int:
    if identifier in _IDENTIFIERS and len(value) > _VALUE_OCTETS_MAX:
        raise malformed(f"a negotiated parameter of {len(value)} octets")
    return int.from_bytes(value[:_VALUE_OCTETS_MAX], "big")


def _length(octets: int) -> int:
    if octets < INFORMATION_MIN:
        raise malformed(f"information fields of {octets} octets")
    return min(octets, INFORMATION_MAX)


def _window(frames: int) -> int:
    if frames == 0:
        raise malformed("a window of no frames")
    return min(frames, WINDOW_MAX)
