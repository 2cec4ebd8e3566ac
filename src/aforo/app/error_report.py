"""What goes wrong while the system runs, one line each on standard error; an error of ours with its traceback."""

import sys
import traceback
from collections.abc import Callable
from datetime import datetime

from aforo.adapters.otlp_exporter import CollectorAway
from aforo.engine.ports import LeaseLost, LineUnavailable, StoreUnavailable

EXPECTED = (StoreUnavailable, LineUnavailable, LeaseLost, CollectorAway)
"""The world's doing: a line is enough."""


def error_reporter(now: Callable[[], datetime]) -> Callable[[str, BaseException], None]:
    """The `report` of the engine's loops."""

    def report(where: str, error: BaseException) -> None:
        sys.stderr.write(f"{now().isoformat(timespec='seconds')} {where}: {type(error).__name__}: {error}\n")
        if not isinstance(error, EXPECTED):
            traceback.print_exception(error)

    return report
