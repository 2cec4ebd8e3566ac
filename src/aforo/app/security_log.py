"""What was refused at the doors, a line of JSON each: for whoever watches who tries to come in."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from aforo.adapters.gatekeeper import SecurityEvent


class SecurityLog:
    """file: appended to; None for standard error."""

    def __init__(self, now: Callable[[], datetime], file: Path | None) -> None:
        self._now = now
        self._stream = sys.stderr if file is None else file.open("a", encoding="utf-8")

    def __call__(self, event: SecurityEvent) -> None:
        line = {"at": self._now().isoformat(), "security": event.kind, **asdict(event)}
        del line["kind"]
        print(json.dumps(line), file=self._stream, flush=True)
