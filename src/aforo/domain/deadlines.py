"""Until when an order is tried, by its kind and priority, and who is told before that time comes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

URGENT = "urgent"
"""Beside the kinds: of high priority."""


class Alarm(Enum):
    """WARNING: for whoever watches.   ESCALATION: for whoever can send somebody. After these shares of the time."""

    WARNING = 0.75
    ESCALATION = 0.9


@dataclass(frozen=True, slots=True)
class Deadlines:
    """usual: from an order's validation to its deadline.   of: the same by kind, or for URGENT; the shorter one holds.

    Reposition of supply is due within 24 h (domain.md 1.1), which is the usual time as well.
    """

    usual: timedelta = timedelta(hours=24)
    of: Mapping[str, timedelta] = field(default_factory=dict)

    def patience(self, kind: str, *, is_urgent: bool) -> timedelta:
        named = [self.of[name] for name in (kind, URGENT if is_urgent else "") if name in self.of]
        return min(named, default=self.usual)


def alarm_at(begin: datetime, deadline: datetime, alarm: Alarm) -> datetime:
    """begin: when the order was validated."""
    return begin + (deadline - begin) * alarm.value
