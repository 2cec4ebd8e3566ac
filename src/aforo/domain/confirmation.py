"""How long, and when, the meter is still asked about an order that ended unconfirmed."""

from datetime import datetime, timedelta

SOUGHT_FOR = timedelta(hours=24)
"""Most meters that fall silent are heard again within a day (domain.md 3.1: 98 of 100 within 13 hours)."""

FIRST_AFTER = timedelta(minutes=10)


def may_change_until(ended_at: datetime) -> datetime:
    """A later truth is sent as a correction until then."""
    return ended_at + SOUGHT_FOR


def next_reading(ended_at: datetime, now: datetime) -> datetime | None:
    """Each wait as long as all before it together, so that a meter that is gone for good costs eight readings.

    None: the truth is not sought any longer.
    """
    after = max(FIRST_AFTER, 2 * (now - ended_at))
    return ended_at + after if after <= SOUGHT_FOR else None
