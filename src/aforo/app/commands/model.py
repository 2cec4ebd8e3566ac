"""aforo model: the files that say how a meter model is limited."""

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aforo.app.commands.options import AsJson
from aforo.app.console_output import CommandFailed, say, say_json, say_table
from aforo.domain.meter_models import LimitMethod, ModelError

if TYPE_CHECKING:
    from aforo.domain.meter_models import MeterModel

commands = typer.Typer(no_args_is_help=True, help="Meter models: how each is limited. Needs no running system.")

_FOLDER = "AFORO_MODELS"
"""The setting that names the operator's folder."""


@commands.command("list")
def list_models(as_json: AsJson = False) -> int:
    """The models that are shipped, and those of the folder AFORO_MODELS."""
    folder = os.environ.get(_FOLDER)
    try:
        models: dict[str, MeterModel] = _files().load_models(Path(folder) if folder else None)
    except (ModelError, OSError) as wrong:
        raise CommandFailed(str(wrong)) from wrong
    rows = [_row(models[name]) for name in sorted(models)]
    if as_json:
        say_json({"models": rows})
    else:
        headings = ("model", "method", "thresholds", "scale", "title")
        say_table(headings, [[row[key] for key in ("name", "method", "thresholds", "scale", "title")] for row in rows])
    return 0


@commands.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Model files (TOML).")], as_json: AsJson = False
) -> int:
    """Tell every fault of model files; 0 when there is none."""
    faults = []
    for file in files:
        try:
            _files().load_model(file)
        except ModelError as wrong:
            faults += str(wrong).splitlines()
    if as_json:
        say_json({"files": len(files), "faults": faults})
    else:
        for fault in faults:
            say(fault)
        say(f"{len(files)} checked, {len(faults)} fault{'' if len(faults) == 1 else 's'}")
    return 1 if faults else 0


def _files() -> Any:
    return importlib.import_module("aforo.adapters.meter_model_files")  # not needed by most commands, and slow


def _row(model: "MeterModel") -> dict[str, str]:
    is_limiter = model.method is LimitMethod.LIMITER
    return {
        "name": model.name,
        "method": model.method.value,
        "thresholds": model.limiter if is_limiter else f"{len(model.thresholds)}: {', '.join(model.thresholds)}",
        "scale": "read from the meter" if model.scaler is None else f"10^{model.scaler} W",
        "title": model.title,
    }
