"""Where the running system of a data folder is found: DATA/running.json, readable by its owner only."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

NAME = "running.json"
SIZE_MAX = 4096


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """url: of its HTTP doors, without a slash at the end.   token: of the operator API.   process: its id."""

    url: str
    token: str = field(repr=False)
    process: int


def default_data() -> Path:
    """$AFORO_DATA, else $XDG_DATA_HOME/aforo, else ~/.local/share/aforo."""
    named = os.environ.get("AFORO_DATA")
    if named:
        return Path(named)
    shared = os.environ.get("XDG_DATA_HOME")
    return (Path(shared) if shared else Path.home() / ".local" / "share") / "aforo"


def announce(data: Path, system: RunningSystem) -> None:
    """Whole or not at all; one left over by an earlier process is replaced."""
    document = {"url": system.url, "token": system.token, "process": system.process}
    written = data / f".{NAME}.{system.process}"
    written.unlink(missing_ok=True)
    handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    written.replace(data / NAME)


def withdraw(data: Path, system: RunningSystem) -> None:
    """At a clean end. The announcement of another process is left alone."""
    if _read(data) == system:
        (data / NAME).unlink(missing_ok=True)


def running_in(data: Path) -> RunningSystem | None:
    """None when nothing was announced, or when the process that did is gone."""
    system = _read(data)
    return system if system is not None and _is_alive(system.process) else None


def _read(data: Path) -> RunningSystem | None:
    with suppress(OSError, ValueError, KeyError, TypeError):  # not there, or not written by us: nothing is announced
        with (data / NAME).open("rb") as file:
            document = json.loads(file.read(SIZE_MAX))
        return RunningSystem(str(document["url"]), str(document["token"]), int(document["process"]))
    return None


def _is_alive(process: int) -> bool:
    """Signal 0 only asks. A process of another user exists, though it may not be asked."""
    if process <= 0:
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
