"""`aforo` with a clock that can be set: python -m chaos.worker FILE COMMAND ...

FILE holds by how many seconds the clock is ahead; it is read whenever the time is.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from aforo.adapters.system_clock import SystemClock
from aforo.app.main import main


def _clock_of(file: Path) -> Callable[[SystemClock], datetime]:
    def now(_: SystemClock) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(file.read_text(encoding="ascii")))  # noqa: TID251 (the clock)

    return now


if __name__ == "__main__":
    with patch.object(SystemClock, "now", _clock_of(Path(sys.argv[1]))):
        sys.exit(main(sys.argv[2:]))
