"""aforo order import: a CSV file of orders, each taken or refused for itself."""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from aforo.app.commands.operator_client import OperatorClient, locate
from aforo.app.commands.options import AsJson, Data, Url
from aforo.app.commands.ordering import SOURCE
from aforo.app.commands.registry_import import rows_of
from aforo.app.console_output import say, say_json

if TYPE_CHECKING:
    from rich.progress import Progress

AT_A_TIME = 500
NEEDED = ("order", "meter")
OPTIONS = ("kind", "limit_w", "reason", "priority", "special", "not_after", "until", "proof")
REFUSED_SHOWN_MAX = 50


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
    rows = rows_of(file, NEEDED, OPTIONS)
    accepted, refused = 0, list[dict[str, Any]]()
    with OperatorClient(locate(data, url)) as client, _progress(is_shown=not as_json) as progress:
        task = progress.add_task("orders", total=len(rows.cells))
        for begin in range(0, len(rows.cells), AT_A_TIME):
            orders = [_order(cells) for cells in rows.cells[begin : begin + AT_A_TIME]]
            document = {"source": source, "reply_address": reply_address, "orders": orders}
            results = client.post("orders/batch", document)["results"]
            accepted += sum(result["accepted"] for result in results)
            told = zip(rows.lines[begin:], results, strict=False)
            refused += [{"line": line, **result} for line, result in told if not result["accepted"]]
            progress.advance(task, len(orders))
    return _say(file, accepted, refused, as_json=as_json)


def _order(cells: Mapping[str, str]) -> dict[str, str]:
    """Empty cells say nothing."""
    told = {name: cell.strip() for name, cell in cells.items() if cell.strip()}
    return {**told, "kind": told["kind"].upper()} if "kind" in told else told


def _progress(*, is_shown: bool) -> "Progress":
    bars = importlib.import_module("rich.progress")  # no other command has to wait for it
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
    )
    shown: Progress = bars.Progress(
        *columns, console=Console(stderr=True), disable=not (is_shown and sys.stderr.isatty())
    )
    return shown


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
