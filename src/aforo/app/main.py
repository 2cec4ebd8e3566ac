"""The command `aforo`: its words, and how every one of them ends."""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version as version_of
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from aforo.app.commands import (
    audit,
    backup,
    concentrator,
    fieldwork,
    legacy,
    local,
    meter,
    model,
    order,
    results,
    sim,
    town,
)
from aforo.app.commands.decode import decode
from aforo.app.commands.limit import add_kinds, limit
from aforo.app.commands.options import AsJson, Data, folder
from aforo.app.commands.status import status
from aforo.app.console_output import FAILED, WRONG_USAGE, CommandFailed, complain, say_json

INTERRUPTED = 130
Port = Annotated[int, typer.Option(metavar="N", min=0, max=65_535, help="HTTP port; 0 takes a free one.")]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="aforo: open AMI head-end. Remote power limitation that proves what it did.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
bench = typer.Typer(no_args_is_help=True, help="Measure this machine.")
app.add_typer(meter.commands, name="meter")
app.add_typer(concentrator.commands, name="concentrator")
app.add_typer(order.commands, name="order")
app.add_typer(results.commands, name="results")
app.add_typer(legacy.commands, name="legacy")
app.add_typer(audit.commands, name="audit")
app.add_typer(fieldwork.commands, name="fieldwork")
app.add_typer(backup.commands, name="backup")
app.add_typer(model.commands, name="model")
app.add_typer(local.commands, name="local")
app.add_typer(bench, name="bench")
app.add_typer(sim.commands, name="sim")
app.add_typer(town.commands, name="town")
app.command()(limit)
add_kinds(app)
app.command()(order.explain)
app.command()(status)
app.command()(backup.restore)
app.command()(decode)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"aforo {version_of('aforo')}")
        raise typer.Exit


@app.callback()
def _aforo(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(data: Data = None, as_json: AsJson = False) -> int:
    """Show one power-limit order on its way through all nine steps, with its proof.

    Everything runs on this machine: database, head-end, simulated concentrators and meters.
    """
    place = folder(data) / "demo" if data is None else data
    return _started(lambda: _module("demo").run(place, as_json))


@app.command()
def up(
    town: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Simulate the devices of this town file too."),
    ] = None,
    port: Port = 8080,
    data: Data = None,
    as_json: AsJson = False,
) -> int:
    """Run the system until Ctrl-C."""
    return _started(lambda: _module("system").up(folder(data), port, town, as_json))


@app.command()
def integration(port: Port = 8080, data: Data = None, as_json: AsJson = False) -> int:
    """Run the process that takes orders and sends answers (steps 1, 2, 3 and 9), over AFORO_DATABASE_URL."""
    return _started(lambda: _module("system").part("integration", folder(data), port, as_json))


@app.command()
def headend(port: Port = 8081, data: Data = None, as_json: AsJson = False) -> int:
    """Run the process that speaks to concentrators and meters (steps 3 to 8), over AFORO_DATABASE_URL."""
    return _started(lambda: _module("system").part("headend", folder(data), port, as_json))


@bench.command()
def codec(as_json: AsJson = False) -> int:
    """Messages per second of the DLMS codec."""
    return _started(lambda: _module("codec_bench").run(as_json=as_json))


@bench.command()
def orders(
    link: Annotated[
        Literal["delegated", "transparent", "direct"] | None, typer.Option(help="One case only. Default: four of them.")
    ] = None,
    concentrators: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=1000, help="One case only: of so many.")
    ] = None,
    meters: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=20_000, help="One case only: so many in all.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="And 1 and 2 head-ends, 5,000 sessions, a million stored: 10 minutes, 8 GB.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Orders per second through the whole system, to simulated meters and back, and what each costs."""
    chosen = {"link": link, "concentrators": concentrators, "meters": meters, "full": full}
    return _started(lambda: _module("order_bench").run(as_json=as_json, **chosen))


@bench.command()
def campaign(
    orders: Annotated[int | None, typer.Option(metavar="N", min=1, max=2_000_000, help="Default: 10,000.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="200,000 orders over 1,000 concentrators; up to an hour of CPU.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Measure a campaign, in virtual time, beside the least that its lines allow, and what urgent orders wait then."""
    return _started(lambda: _module("campaign_bench").run(orders=orders, full=full, as_json=as_json))


@bench.command()
def intake(as_json: AsJson = False) -> int:
    """Measure SOAP orders accepted per second, durable, beside a bare endpoint on the same server."""
    return _started(lambda: _module("intake_bench").run(as_json=as_json))


def _module(name: str) -> Any:
    """Loaded when asked for: a question to a running system need not load the system itself."""
    return importlib.import_module(f"aforo.app.{name}")


def _started(run: Callable[[], int | None]) -> int:
    """Its code, 0 when it gives none. What keeps the system from starting becomes a sentence."""
    try:
        return run() or 0
    except (CommandFailed, BrokenPipeError):
        raise
    except Exception as error:
        words = importlib.import_module("aforo.app.commands.start_refusals").words_of(error)
        if words is None:
            raise
        raise CommandFailed(words) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code. Nothing that a user can cause ends in a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal of another age shows ? for an arrow, and no traceback
    try:
        code = app(given, prog_name="aforo", standalone_mode=False)
        sys.stdout.flush()
    except CommandFailed as failed:
        return _tell_failure(failed, as_json="--json" in given)
    except typer.TyperException as wrong:
        return _tell_usage(wrong)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read us has gone: the rest is unwanted
        return FAILED
    return code if isinstance(code, int) else 0


def _tell_failure(failed: CommandFailed, *, as_json: bool) -> int:
    if as_json:
        say_json({"error": str(failed), "exit": failed.code, **failed.document})
        return failed.code
    for line in failed.lines:
        print(line, file=sys.stderr)
    complain(str(failed))
    return failed.code


def _tell_usage(wrong: typer.TyperException) -> int:
    context = getattr(wrong, "ctx", None)
    words = wrong.format_message()
    if type(wrong).__name__ == "NoArgsIsHelpError":  # its message is the whole help
        print(words)
        return WRONG_USAGE
    hint = f" ({context.command_path} --help)" if context is not None else ""
    complain(f"{words.rstrip('.')}{hint}")
    return WRONG_USAGE
