"""How many orders one concentrator is given at a time: about as many as it carries out in a minute.

What it has is beyond our reach: it cannot be put behind what is urgent, nor wait for the next morning. So a slow one
gets few, a fast one many, and one that says it is full half of what it had.
"""

from datetime import datetime, timedelta
from math import ceil

HORIZON = timedelta(minutes=1)
LEAST = 4
FIRST = 32
"""Before anything is known of it."""

WEIGHT = 0.25
"""Of the latest gap between two results in their average."""


class AdaptiveWindow:
    """Of one session. largest: never more."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._least = min(LEAST, largest)
        self.size = min(FIRST, largest)
        self._gap: timedelta | None = None
        self._since: datetime | None = None

    def began(self, now: datetime) -> None:
        """It has something to do, and had nothing before: what was not asked of it says nothing about it."""
        self._since = now

    def answered(self, results: int, now: datetime) -> None:
        """So many came at once, and it has been at work since the last ones."""
        if results < 1:
            return
        if self._since is None:  # it had orders of an earlier session, since when nobody can tell
            self._since = now
            return
        gap = (now - self._since) / results
        self._gap = gap if self._gap is None else self._gap + (gap - self._gap) * WEIGHT
        self._since = now
        fitting = ceil(HORIZON / self._gap) if self._gap > timedelta() else self._largest
        self.size = max(self._least, min(fitting, 2 * self.size, self._largest))

    def refused(self) -> None:
        """It has said that it takes no more for now."""
        self.size = max(self._least, self.size // 2)
