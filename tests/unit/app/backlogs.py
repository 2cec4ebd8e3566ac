"""How the whole stands in tests."""

from datetime import datetime, timedelta

from aforo.engine.status import Backlog


def an_idle_backlog(at: datetime) -> Backlog:
    return Backlog(
        at=at,
        window=timedelta(minutes=1),
        open={},
        due=0,
        due_since=None,
        unpublished=0,
        unanswered=0,
        ended=0,
        lanes=(),
        processes=1,
    )
