"""aforo order import: a CSV file of orders, each taken or refused for itself."""

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from aforo.app.commands.operator_client import OperatorClient, locate
from aforo.app.commands.options import AsJson, Data, Url
from aforo.app.commands.ordering import SOURCE
from aforo.app.console_output import CommandFailed, WrongUsage, say, say_json

AT_A_TIME = 500
NEEDED = ("order", "meter")
COLUMNS = (*NEEDED, "kind", "limit_w", "reason", "priority", "special", "not_after", "until", "proof")
REFUSED_SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class _Line:
    """number: in the file, from 1."""

    number: int
    row: dict[str, Any]


def import_orders(
    *,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help=f"CSV with the columns {', '.join(NEEDED)}, and any of the others.")
    ],
    source: Annotated[str, typer.Option(metavar="NAME", help="Who orders.")] = SOURCE,
    reply_address: Annotated[str | None, typer.Option(metavar="URL", help="Where each answer goes.")] = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Order what a CSV file lists.

    Columns: order, meter, kind, limit_w, reason, priority, special, not_after, until, proof. Each line is taken or
    refused for itself. Run it again after an interruption: what was taken before is not repeated.
    """
    lines = list(_lines(file))
    accepted, refused = 0, list[dict[str, Any]]()
    with OperatorClient(locate(data, url)) as client, _progress(len(lines), is_shown=not as_json) as progress:
        task = progress.add_task("orders", total=len(lines))
        left = iter(lines)
        while some := list(islice(left, AT_A_TIME)):
            rows = [line.row for line in some]
            results = client.post("orders", {"source": source, "reply_address": reply_address, "orders": rows})[
                "results"
            ]
            accepted += sum(result["accepted"] for result in results)
            told = zip(some, results, strict=True)
            refused += [{"line": line.number, **result} for line, result in told if not result["accepted"]]
            progress.advance(task, len(some))
    return _say(file, accepted, refused, as_json=as_json)


def _lines(file: Path) -> Iterator[_Line]:
    """Raises WrongUsage, CommandFailed."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, restkey="", strict=True)
            headings = reader.fieldnames or ()
            unknown = sorted(set(headings) - set(COLUMNS))
            missing = [name for name in NEEDED if name not in headings]
            if unknown or missing:
                words = f"{file}: its columns are some of {', '.join(COLUMNS)}, and {' and '.join(NEEDED)} are needed"
                raise WrongUsage(words)
            for row in reader:
                yield _Line(reader.line_num, _row(file, reader.line_num, row))
    except OSError as error:
        raise WrongUsage(f"{file} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as wrong:
        raise WrongUsage(f"{file} is no CSV in UTF-8: {wrong}") from None


def _row(file: Path, line: int, row: dict[str, Any]) -> dict[str, Any]:
    """Empty cells say nothing. Nothing is sent before every line can be read."""
    cells = {name: value.strip() for name, value in row.items() if isinstance(value, str) and value.strip()}
    if "" in row:
        raise CommandFailed(f"{file}:{line}: more cells than columns; nothing was ordered")
    watts = cells.get("limit_w")
    if watts is not None:
        try:
            cells["limit_w"] = int(watts)  # type: ignore[assignment]  # as JSON wants it
        except ValueError:
            words = f"{file}:{line}: limit_w is a whole number of watts, not {watts!r}; nothing was ordered"
            raise CommandFailed(words) from None
    if "kind" in cells:
        cells["kind"] = str(cells["kind"]).upper()
    return cells


def _progress(total: int, *, is_shown: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not (is_shown and total and sys.stderr.isatty()))


def _say(file: Path, accepted: int, refused: list[dict[str, Any]], *, as_json: bool) -> int:
    if as_json:
        say_json({"accepted": accepted, "refused": refused})
    else:
        for one in refused[:REFUSED_SHOWN_MAX]:
            more = f" ({one['details']})" if one["details"] else ""
            say(f"{file}:{one['line']}: {one['order']}: {one['code']} {one['reason']}{more}")
        if len(refused) > REFUSED_SHOWN_MAX:
            say(f"and {len(refused) - REFUSED_SHOWN_MAX} more")
        say(f"{accepted} accepted, {len(refused)} refused")
    return 1 if refused else 0
