"""APDUs as numbered segments: those on their way out, and the one that is coming in (IEC 62056-46, I frames)."""

from collections import deque

from msgspec import Struct

from aforo.dlms.errors import ErrorCode, LocalProtocolError, RemoteProtocolError, malformed
from aforo.dlms.hdlc.control import MODULO

LLC_REQUEST, LLC_RESPONSE = bytes.fromhex("e6e600"), bytes.fromhex("e6e700")
LLC_OCTETS = 3
APDUS_UNDER_WAY_MAX = 8


class Segment(Struct, frozen=True):
    information: bytes
    is_segmented: bool


class Outbound:
    """Segments from V(A) on. What was sent stays until the peer's N(R) takes it away; `go_back` sends it again."""

    __slots__ = ("_apdus", "_number", "_segments", "_sent")

    def __init__(self) -> None:
        self._segments: deque[Segment] = deque()
        self._number = 0
        self._sent = 0
        self._apdus = 0

    @property
    def is_empty(self) -> bool:
        return not self._segments

    @property
    def next_number(self) -> int:
        """V(S)."""
        return (self._number + self._sent) % MODULO

    @property
    def is_unacknowledged(self) -> bool:
        return self._sent > 0

    def put(self, octets: bytes, segment_max: int) -> None:
        """Raises LocalProtocolError when too many wait already."""
        if self._apdus >= APDUS_UNDER_WAY_MAX:
            raise LocalProtocolError(f"{self._apdus} APDUs are waiting to be sent")
        self._apdus += 1
        for at in range(0, len(octets), segment_max):
            end = at + segment_max
            self._segments.append(Segment(octets[at:end], is_segmented=end < len(octets)))

    def acknowledge(self, receive: int) -> bool:
        """Whether N(R) tells something new. Raises RemoteProtocolError (MALFORMED): such a frame was never sent."""
        taken = (receive - self._number) % MODULO
        if taken > self._sent:
            raise malformed(f"N(R) {receive}, but V(S) is {self.next_number}")
        for _ in range(taken):
            self._apdus -= not self._segments.popleft().is_segmented
        self._number = receive
        self._sent -= taken
        return taken > 0

    def go_back(self) -> None:
        self._sent = 0

    def take(self, window: int) -> list[tuple[int, Segment]]:
        """N(S) and segment of all that may be sent now."""
        first, last = self._sent, min(window, len(self._segments))
        self._sent = max(first, last)
        return [((self._number + n) % MODULO, self._segments[n]) for n in range(first, last)]


class Inbound:
    """V(R), and the segments of one APDU until it is whole. Only the next number is taken."""

    __slots__ = ("_octets", "_octets_max", "next_number")

    def __init__(self, apdu_max: int) -> None:
        self._octets = bytearray()
        self._octets_max = LLC_OCTETS + apdu_max
        self.next_number = 0

    @property
    def is_under_way(self) -> bool:
        return bool(self._octets)

    def take(self, segment: Segment) -> bytes | None:
        """LLC header and APDU, when this was their last segment. Raises RemoteProtocolError (TOO_LONG)."""
        if len(self._octets) + len(segment.information) > self._octets_max:
            raise RemoteProtocolError(
                ErrorCode.TOO_LONG, f"an APDU of more than {self._octets_max} octets with its LLC"
            )
        self.next_number = (self.next_number + 1) % MODULO
        self._octets += segment.information
        if segment.is_segmented:
            return None
        octets, self._octets = bytes(self._octets), bytearray()
        return octets


def without_llc(octets: bytes, llc: bytes) -> bytes:
    """The APDU. Raises RemoteProtocolError (MALFORMED)."""
    if not octets.startswith(llc):
        raise malformed(f"LLC header {octets[:LLC_OCTETS].hex()}, not {llc.hex()}")
    if len(octets) == LLC_OCTETS:
        raise malformed("an LLC header without an APDU")
    return octets[LLC_OCTETS:]
