"""aforo town: simulated towns, made, checked and run."""

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

from aforo.app.commands.options import AsJson
from aforo.app.console_output import CommandFailed, WrongUsage, say, say_json, say_table

commands = typer.Typer(no_args_is_help=True, help="Simulated towns: concentrators and meters to try a head-end on.")


@commands.command()
def new(
    meters: Annotated[int, typer.Option(metavar="N", min=1, max=1_000_000, help="How many, in all.")] = 1000,
    seed: Annotated[int, typer.Option(metavar="K", min=0, help="The same seed gives the same town.")] = 1,
    profile: Annotated[str, typer.Option(metavar="P", help="steady, or rollout.")] = "steady",
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A distribution; see town distributions.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Default: printed.")] = None,
) -> int:
    """Make a town file with realistic distributions, each named in it with its source."""
    try:
        text: str = _generator().new_town(meters=meters, seed=seed, profile=profile, changes=_changes(changes or []))
    except ValueError as wrong:
        raise WrongUsage(str(wrong)) from wrong
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")
        say(f"wrote {output}")
    return 0


@commands.command()
def distributions(as_json: AsJson = False) -> int:
    """What a new town is drawn from, and where each figure comes from."""
    generator = _generator()
    defaults = generator.Distributions()
    rows = [
        {"name": name, "value": getattr(defaults, name), "source": source} for name, source in generator.SOURCES.items()
    ]
    rows += [
        {"name": name, "value": value, "source": source} for name, value, source in generator.media_distributions()
    ]
    if as_json:
        say_json({"distributions": rows})
    else:
        say_table(("distribution", "value", "source"), [tuple(row.values()) for row in rows])
    return 0


@commands.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Town files (TOML).")], as_json: AsJson = False
) -> int:
    """Tell the first fault of each town file; 0 when there is none."""
    town_file = importlib.import_module("aforo.simulator.town_file")
    faults = []
    for file in files:
        try:
            town_file.load_town(file.read_text(encoding="utf-8"), str(file))
        except (town_file.TownError, OSError, UnicodeDecodeError) as wrong:
            faults.append(str(wrong) if str(file) in str(wrong) else f"{file}: {wrong}")
    if as_json:
        say_json({"files": len(files), "faults": faults})
    else:
        for fault in faults:
            say(fault)
        say(f"{len(files)} checked, {len(faults)} fault{'' if len(faults) == 1 else 's'}")
    return 1 if faults else 0


@commands.command()
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
    registry: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write concentrators.csv and meters.csv for an import there, and access.csv with every meter's keys.",
        ),
    ] = None,
    local: Annotated[
        list[str] | None,
        typer.Option(
            "--local", metavar="METER", help="Its local port as a serial port of this machine; again for more."
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Run a town on sockets of this machine until Ctrl-C, for any head-end or DLMS client."""
    town_run = importlib.import_module("aforo.app.town_run")
    try:
        code: int = town_run.run(file, registry=registry, local=local or [], as_json=as_json)
    except Exception as wrong:
        words = importlib.import_module("aforo.app.commands.start_refusals").words_of(wrong)
        if words is None:
            raise
        raise CommandFailed(words) from wrong
    return code


def _changes(given: list[str]) -> dict[str, float]:
    """Raises ValueError."""
    changes = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set is NAME=VALUE, not {text!r}")
        changes[name] = float(value)
    return changes


def _generator() -> Any:
    return importlib.import_module("aforo.simulator.town_generator")
