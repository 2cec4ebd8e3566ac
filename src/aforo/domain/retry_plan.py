"""When to try again: a list of waits, so that an operator can read it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

SHORTEST_WAIT = timedelta(seconds=20)
LONGEST_WAIT = timedelta(minutes=10)


def when_back(begun: datetime, now: datetime) -> datetime:
    """When to look again for what is away. Each wait as long as all before it together, between the two bounds.

    begun: when it was received.
    """
    return now + min(max(now - begun, SHORTEST_WAIT), LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """waits: before the second, third, ... attempt. Exhausted when there are no more.   rests: some causes wait longer.

    The default: three tries within the first minutes, since most silences on the line are short (domain.md, 3.5:
    noise by hour), then two more after the hours in which a meter that lost its path is usually found again.
    """

    waits: tuple[timedelta, ...] = (
        timedelta(seconds=20),
        timedelta(minutes=2),
        timedelta(hours=1),
        timedelta(hours=4),
    )
    rests: bool = True

    @classmethod
    def parse(cls, text: str) -> "RetryPlan":
        """Read seconds between commas, such as `20,120,3600`; empty means a single attempt. Without rests."""
        try:
            waits = tuple(timedelta(seconds=float(part)) for part in text.split(",") if part.strip())
        except ValueError:
            raise ValueError(
                f"{text!r} is not a retry plan; write seconds between commas, such as 20,120,3600"
            ) from None
        if any(wait < timedelta() for wait in waits):
            raise ValueError("a retry plan has no negative waits")
        return cls(waits, rests=False)

    def next_at(self, attempts: int, now: datetime, *, rest: timedelta = timedelta()) -> datetime | None:
        """When attempt number `attempts` + 1 is due; None when the plan is exhausted. rest: for its cause, at least."""
        if not 1 <= attempts <= len(self.waits):
            return None
        return now + max(self.waits[attempts - 1], rest if self.rests else timedelta())
