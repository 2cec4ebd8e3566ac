"""Octets as they come from a line, frames as they are complete, and what was lost between them."""

from aforo.dlms.errors import RemoteProtocolError, malformed
from aforo.dlms.hdlc import frames
from aforo.dlms.hdlc.frames import BODY_OCTETS_MAX, FLAG, FORMAT_OCTETS, HEADER_OCTETS_MAX, Frame

PENDING_OCTETS_MAX = BODY_OCTETS_MAX + 2
"""One unfinished frame with both its flags."""


class FrameReader:
    """Never gives up: behind anything it cannot follow it looks for the next flag.

    Each gap is reported once, by the error that began it; nothing more is reported until a frame is whole again.
    A flag octet inside a frame is an octet like others, since the length says where the frame ends.
    """

    __slots__ = ("_is_lost", "_pending")

    def __init__(self) -> None:
        self._pending = b""
        self._is_lost = False

    @property
    def is_inside_frame(self) -> bool:
        """Octets are missing: a line that stays silent now has lost some, and `abandon` goes on without them."""
        return len(self._pending) > 1

    def feed(self, octets: bytes) -> list[Frame | RemoteProtocolError]:
        """In the order of the line. Errors: BAD_CHECKSUM, MALFORMED."""
        return self._read(self._pending + octets if self._pending else octets)

    def abandon(self) -> list[Frame | RemoteProtocolError]:
        """Takes the unfinished frame for lost, and reads what may stand behind its beginning."""
        pending, self._pending = self._pending, b""
        if len(pending) <= 1:
            return []
        found: list[Frame | RemoteProtocolError] = []
        self._lose(found, malformed(f"a frame of which only {len(pending)} octets came"))
        return found + self._read(pending[1:])

    def _read(self, octets: bytes) -> list[Frame | RemoteProtocolError]:
        found: list[Frame | RemoteProtocolError] = []
        at = self._opening_flag(octets, 0, found)
        while at < len(octets):
            begin = at + 1
            try:
                end = _closing_flag(octets, begin)
                if end is None:
                    break
                at = end
                found.append(frames.decode(octets[begin:end]))
                self._is_lost = False
            except RemoteProtocolError as error:
                self._lose(found, error)
                at = max(at, begin)
            at = self._opening_flag(octets, at, found)
        self._pending = octets[at:]
        return found

    def _opening_flag(self, octets: bytes, at: int, found: list[Frame | RemoteProtocolError]) -> int:
        """Offset of the next flag that another octet follows, or of the end. A closing flag may open the next frame."""
        flag = octets.find(FLAG, at)
        skipped = (len(octets) if flag < 0 else flag) - at
        if skipped:
            self._lose(found, malformed(f"{skipped} octets outside any frame"))
        if flag < 0:
            return len(octets)
        while octets[flag + 1 : flag + 2] == b"\x7e":
            flag += 1
        return flag

    def _lose(self, found: list[Frame | RemoteProtocolError], error: RemoteProtocolError) -> None:
        if not self._is_lost:
            found.append(error)
        self._is_lost = True


def _closing_flag(octets: bytes, begin: int) -> int | None:
    """Offset of the flag that ends the frame which begins here; None when it has not come yet.

    The header is checked as soon as it is there, so that a wrong length does not make us wait for what never comes.
    """
    come = len(octets) - begin
    if come < FORMAT_OCTETS:
        return None
    end = begin + frames.body_length(octets, begin)
    if come >= HEADER_OCTETS_MAX:
        frames.check_header(octets[begin : begin + HEADER_OCTETS_MAX])
    if end >= len(octets):
        return None
    if octets[end] != FLAG:
        raise malformed(f"no flag behind the {end - begin} octets of a frame")
    return end
