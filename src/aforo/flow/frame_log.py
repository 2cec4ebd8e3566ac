"""What goes over the line in one visit, for the order's trace."""

from collections import deque
from datetime import datetime

from aforo.domain.readback import DeviceFrame

OCTETS_MAX = 16_384
"""The last ones are kept; a visit without transfers in blocks has some 2,000."""


class FrameLog:
    def __init__(self) -> None:
        self._frames: deque[DeviceFrame] = deque()
        self._octets = 0

    def note(self, octets: bytes, heard_at: datetime | None = None) -> None:
        """heard_at: None for what is about to be sent."""
        self._frames.append(DeviceFrame(octets, heard_at))
        self._octets += len(octets)
        while self._octets > OCTETS_MAX:
            self._octets -= len(self._frames.popleft().octets)

    def take(self) -> tuple[DeviceFrame, ...]:
        """Since the last time, in their order."""
        frames = tuple(self._frames)
        self._frames.clear()
        self._octets = 0
        return frames
