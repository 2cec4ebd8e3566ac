"""aforo backup and aforo restore: the database in one file, tried before it is needed."""

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aforo.app.commands.options import AsJson, Data, folder, moment_of
from aforo.app.console_output import CommandFailed, WrongUsage, say, say_json, say_table

if TYPE_CHECKING:
    from aforo.app.backups import Trial

commands = typer.Typer(
    no_args_is_help=True, help="Backups of the database: make one, and try whether it can be restored."
)

_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Where it is written to.")]
_File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


@commands.command()
def make(file: _File, data: Data = None, as_json: AsJson = False) -> int:
    """Write a backup while the system runs, or while it stands still.

    In it is everything but the key-encryption key (DATA/kek, or AFORO_KEK): keep that elsewhere, for without it no
    device can be spoken to.
    """
    if file.exists():
        raise WrongUsage(f"{file} exists; name another file")
    manifest = _told(lambda: _backups().write(file, folder(data), dict(os.environ)))
    orders, facts = manifest.rows["orders"], manifest.rows["facts"]
    if as_json:
        say_json({"file": str(file), **manifest.document()})
    else:
        say(f"{file}: {orders} orders, {facts} facts, {file.stat().st_size} octets")
        say(f"`aforo backup verify {file}` tries whether it can be restored")
    return 0


@commands.command()
def verify(file: _File, as_json: AsJson = False) -> int:
    """Restore it into a database of its own, count what is there, check the audit trail. Exit code 1 if it fails."""
    trial: Trial = _told(lambda: _backups().try_out(file, dict(os.environ)))
    if as_json:
        rows = {name: {"told": told, "found": found} for name, (told, found) in trial.rows.items()}
        findings = [{"order_id": one.order_id, "finding": one.words} for one in trial.findings]
        say_json({"made_at": trial.manifest.made_at, "rows": rows, "findings": findings, "holds": trial.holds})
    else:
        say_table(("table", "in the backup", "restored"), [(name, *counts) for name, counts in trial.rows.items()])
        for finding in trial.findings:
            say(f"order id {finding.order_id or '-'}: {finding.words}")
        holds = "it can be restored" if trial.holds else "DO NOT rely on it"
        say(f"backup of {trial.manifest.made_at}: {len(trial.findings)} findings in the audit trail; {holds}")
    return 0 if trial.holds else 1


@commands.command()
def base(target: _Folder, data: Data = None) -> int:
    """Write the database's files into a new folder while the system runs; from then on `backup follow` adds to it.

    The server keeps its log until the follower has it: without a follower the disk fills up.
    """
    _told(lambda: _backups().write_base(target, folder(data), dict(os.environ)))
    say(f"{target}: the base. Now, and always: aforo backup follow LOG")
    return 0


@commands.command()
def follow(target: _Folder, data: Data = None) -> int:
    """Write every commit into a folder as it is made, until interrupted: beside the system, on another disk."""
    code: int = _told(lambda: _backups().follow(target, folder(data), dict(os.environ)))
    return code


@commands.command()
def recover(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="The folder that `backup base` wrote.")],
    log: Annotated[Path, typer.Option("--log", metavar="DIR", help="The folder of `backup follow`.")],
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="ISO 8601 with offset. Default: the last.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> int:
    """Bring the database back as it was at a chosen moment, into an empty data folder.

    Numbers go on far above those of that moment, as with `restore`. What was accepted later is not in it.
    """
    moment = None if to is None else moment_of("--to", to)
    open_orders = _told(lambda: _backups().recover(base, log, folder(data), moment))
    if as_json:
        say_json({"recovered": str(base), "to": to, "open_orders": open_orders})
    else:
        say(f"recovered from {base} to {to or 'the last commit in the log'}: {open_orders} orders were open then")
    return 0


def restore(file: _File, data: Data = None, as_json: AsJson = False) -> int:
    """Bring a backup back, into a data folder (or an external database) that is empty.

    Invocation counters, fences and ids go on far above those of the backup, so that none is used twice. What was
    accepted after the backup is not in it.
    """
    open_orders = _told(lambda: _backups().restore(file, folder(data), dict(os.environ)))
    if as_json:
        say_json({"restored": str(file), "open_orders": open_orders})
        return 0
    say(f"restored from {file}. Bring the key-encryption key back too: {folder(data) / 'kek'}, or AFORO_KEK.")
    if open_orders:
        say(
            f"{open_orders} orders were open then and go on when the system starts. Some may have been carried out "
            "since; cancel those that are no longer wanted (`aforo order list`, `aforo order cancel`)."
        )
    return 0


def _backups() -> Any:
    return importlib.import_module("aforo.app.backups")  # no other command has to wait for it


def _told(run: Any) -> Any:
    try:
        return run()
    except Exception as error:
        words = importlib.import_module("aforo.app.commands.start_refusals").words_of(error)
        if words is None:
            raise
        raise CommandFailed(words) from error
