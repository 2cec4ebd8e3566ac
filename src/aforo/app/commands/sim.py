"""aforo sim: the whole system in virtual time, with whatever can go wrong, and what must hold all the same."""

import importlib
from typing import Annotated, Any

import typer

from aforo.app.commands.options import AsJson

commands = typer.Typer(
    no_args_is_help=True, help="Simulate the whole system: seeds, faults, invariants. Needs no running system."
)

ScenarioName = Annotated[
    str,
    typer.Option(
        "--scenario", metavar="S", help="standard, calm, crashes, network, disk, moves, rush, silence, pair or weather."
    ),
]
Plant = Annotated[
    str,
    typer.Option("--plant", metavar="FAULT", help="A mistake put into the code on purpose: see sim faults."),
]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", min=0, max=256, help="Processes; 0: one per processor.")]


@commands.command()
def run(  # noqa: PLR0917 (typer: an option each)
    seeds: Annotated[int, typer.Option(metavar="N", min=1, max=10_000_000, help="How many runs.")] = 100,
    scenario: ScenarioName = "standard",
    first_seed: Annotated[int, typer.Option(metavar="K", min=0, help="The seed of the first.")] = 1,
    plant: Plant = "",
    jobs: Jobs = 0,
    as_json: AsJson = False,
) -> int:
    """Run seeds; 0 only when no invariant is violated. The first run that fails is shrunk to what of it matters."""
    runs = _runs()
    code: int = runs.run(
        seeds=seeds,
        scenario=scenario,
        first_seed=first_seed,
        plant=plant,
        jobs=jobs or runs.processors(),
        as_json=as_json,
    )
    return code


@commands.command()
def replay(
    seed: Annotated[int, typer.Argument(metavar="SEED", min=0)],
    scenario: ScenarioName = "standard",
    plant: Plant = "",
    shrunk: Annotated[bool, typer.Option("--shrunk", help="Only what of it is needed to fail the same way.")] = False,
    step: Annotated[bool, typer.Option("--step", help="Wait for Enter after every line.")] = False,
) -> int:
    """Show everything that happens in one run, with its virtual day and time (UTC); 1 when it violates an invariant."""
    code: int = _runs().replay(seed=seed, scenario=scenario, plant=plant, shrunk=shrunk, step=step)
    return code


@commands.command()
def faults(
    names: Annotated[list[str] | None, typer.Argument(metavar="FAULT...", help="Some of them; all when none.")] = None,
    jobs: Jobs = 0,
    as_json: AsJson = False,
) -> int:
    """Plant every known mistake in the code, one at a time: the simulator must find each within its seeds."""
    runs = _runs()
    code: int = runs.faults(names=names or [], jobs=jobs or runs.processors(), as_json=as_json)
    return code


@commands.command()
def calibrate(
    orders: Annotated[int, typer.Option(metavar="N", min=500, max=10_000_000, help="At least so many.")] = 20_000,
    first_seed: Annotated[int, typer.Option(metavar="K", min=0, help="The seed of the first day.")] = 1,
    jobs: Jobs = 0,
    as_json: AsJson = False,
) -> int:
    """Working days of a steady fleet with published fault rates: how many orders are done, beside what is published."""
    runs = _runs()
    code: int = runs.calibrate(orders=orders, first_seed=first_seed, jobs=jobs or runs.processors(), as_json=as_json)
    return code


def _runs() -> Any:
    return importlib.import_module("aforo.app.simulated_runs")  # not needed by other commands, and slow
