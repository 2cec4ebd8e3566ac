"""Options that several commands share, so that they read the same everywhere."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from aforo.app.console_output import WrongUsage
from aforo.app.running_system import default_data

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="AFORO_DATA",
        help="Data folder of the system. Default: ~/.local/share/aforo, or $XDG_DATA_HOME/aforo.",
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        envvar="AFORO_URL",
        help="Where the system runs. Default: what its data folder says. Its token: AFORO_TOKEN, or the data folder.",
    ),
]
PageSize = Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="How many at most.")]


def folder(data: Path | None) -> Path:
    return default_data() if data is None else data


def moment_of(option: str, text: str) -> datetime:
    """Raises WrongUsage unless it has its zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise WrongUsage(f"{option} is a date and time with its zone, such as 2026-11-25T18:00-03:00, not {text!r}")
    return moment
