"""How the whole stands now: what waits, where, since when, and how fast it goes away."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

LANES_MAX = 20


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """waiting: orders that are to be tried, now or later.   due_since: of the one that is due for longest; None when
    none is.   out: handed over, or their outcome is being read.
    """

    lane: str
    waiting: int
    due_since: datetime | None
    out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """open: orders that have not ended, by state.   due: those whose time has come and that nobody has handed out yet.

    unpublished: results in the outbox.   unanswered: results that the commercial system has not acknowledged.
    ended: orders that ended within `window` before `at`.   lanes: those with most, LANES_MAX at most.
    processes: that work on this database now.
    """

    at: datetime
    window: timedelta
    open: dict[str, int]
    due: int
    due_since: datetime | None
    unpublished: int
    unanswered: int
    ended: int
    lanes: tuple[LaneStatus, ...]
    processes: int

    @property
    def ended_per_s(self) -> float:
        return self.ended / self.window.total_seconds()

    @property
    def lag(self) -> timedelta:
        """How long what is due has waited at most."""
        return timedelta(0) if self.due_since is None else max(timedelta(0), self.at - self.due_since)

    @property
    def done_in(self) -> timedelta | None:
        """Until what is due now has ended, at the speed of the last window. None: nothing has ended in it."""
        under_way = self.due + sum(lane.out for lane in self.lanes)
        if under_way == 0:
            return timedelta(0)
        return None if self.ended == 0 else timedelta(seconds=under_way / self.ended_per_s)


class StatusStore(Protocol):
    async def answers(self) -> None:
        """Raises StoreUnavailable."""
        ...

    async def backlog(self, now: datetime, window: timedelta) -> Backlog: ...
