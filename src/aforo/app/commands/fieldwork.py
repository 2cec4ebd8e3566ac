"""aforo fieldwork: orders that only a visit can settle go out as a list, and what the crew did comes back."""

import csv
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from aforo.app.commands.operator_client import OperatorClient, locate
from aforo.app.commands.options import AsJson, Data, Url, moment_of
from aforo.app.console_output import FAILED, CommandFailed, WrongUsage, complain, say, say_json
from aforo.domain.order_states import OrderState

commands = typer.Typer(no_args_is_help=True, help="Orders to be done in the field: list them, and take results back.")

ASKED = ("order", "source", "kind", "meter", "limit_w", "cause", "detail", "ended_at")
REPORTED = ("reference", "result", "by", "note")
"""Columns that the crew, or its system, fills in."""

_PAGE = 500


@commands.command()
def export(
    since: Annotated[str | None, typer.Option(metavar="T", help="Received then or later: ISO 8601 and zone.")] = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Print, as CSV, the orders that failed or stayed unconfirmed for a reason that needs somebody on the spot.

    Those that have a report are left out. The last four columns are empty: reference (the work order's number in your
    own system), result (done or not done), by, note. `aforo fieldwork import` takes them back.
    """
    begin = None if since is None else moment_of("--since", since).isoformat()
    with OperatorClient(locate(data, url)) as client:
        rows = [row for row in map(_row, _candidates(client, begin)) if not _is_reported(client, row)]
    if as_json:
        say_json({"orders": rows})
        return 0
    writer = csv.DictWriter(sys.stdout, (*ASKED, *REPORTED), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return 0


@commands.command("import")
def take_back(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The list, filled in.")],
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Put what the crew reports on record with each order; rows without a result are left for later.

    A report changes no order's state: only values read from the meter make it VERIFIED. Exit code 1 when a row was
    refused; the others are taken.
    """
    taken, refused = 0, list[dict[str, Any]]()
    with OperatorClient(locate(data, url)) as client:
        for line, row in _filled_in(file):
            try:
                client.post(f"orders/{quote(row['order'], safe='')}/field-work", _report(row))
                taken += 1
            except CommandFailed as wrong:
                refused.append({"line": line, "why": str(wrong)})
    if as_json:
        say_json({"taken": taken, "refused": refused})
    else:
        for one in refused:
            complain(f"{file}:{one['line']}: {one['why']}")
        say(f"{taken} reports taken, {len(refused)} refused")
    return FAILED if refused else 0


def _candidates(client: OperatorClient, since: str | None) -> Iterator[dict[str, Any]]:
    for state in (OrderState.FAILED, OrderState.UNCONFIRMED):
        after = None
        while True:
            page = client.get("orders", state=state.value, since=since, limit=_PAGE, after=after)
            yield from (order for order in page["orders"] if order["cause"] and order["cause"]["field_work_suggested"])
            after = page["next"]
            if after is None:
                break


def _row(order: Mapping[str, Any]) -> dict[str, Any]:
    names = {"order": "number", **{name: name for name in ASKED[1:]}}
    return {**{column: order[name] for column, name in names.items()}, "cause": order["cause"]["code"]}


def _is_reported(client: OperatorClient, row: Mapping[str, Any]) -> bool:
    facts = client.get("orders", row["order"], source=row["source"])["facts"]
    return any(fact["name"] == "FieldWorkReported" for fact in facts)


def _filled_in(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """With the line of each. Raises WrongUsage."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            missing = {"order", *REPORTED} - set(reader.fieldnames or ())
            if missing:
                raise WrongUsage(f"{file} lacks the columns {', '.join(sorted(missing))}")
            for row in reader:
                cells = {name: (text or "").strip() for name, text in row.items() if name is not None}
                if cells["result"]:
                    yield reader.line_num, cells
    except (OSError, UnicodeDecodeError, csv.Error) as wrong:
        raise WrongUsage(f"{file} cannot be read as CSV: {wrong}") from None


def _report(row: Mapping[str, str]) -> dict[str, str]:
    """What is empty is not told."""
    return {name: row[name] for name in ("source", *REPORTED) if row.get(name)}
