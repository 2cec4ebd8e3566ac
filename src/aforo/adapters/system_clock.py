"""The one place that reads the clock."""

from datetime import UTC, datetime


class SystemClock:
    """See `aforo.engine.ports.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 (this is the place)
