"""aforo concentrator: what the registry knows of concentrators."""

from pathlib import Path
from typing import Annotated

import typer

from aforo.adapters.registry_csv import CONCENTRATOR_COLUMNS
from aforo.app.commands.operator_client import OperatorClient, locate
from aforo.app.commands.options import AsJson, Data, PageSize, Url
from aforo.app.commands.registry_import import import_file, say_imported
from aforo.app.commands.registry_pages import list_devices, show_device

commands = typer.Typer(no_args_is_help=True, help="Concentrators: import them from a CSV file, list and show them.")

_COLUMNS = ("concentrator", "host", "port", "system_title", "has_keys", "time_zone")


@commands.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help=f"CSV in UTF-8 with the columns {', '.join(CONCENTRATOR_COLUMNS)}.")],
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Insert or replace concentrators, all rows or none. Import them before their meters."""
    with OperatorClient(locate(data, url)) as client:
        count = import_file(client, file, "concentrators", columns=CONCENTRATOR_COLUMNS)
    say_imported(count, "concentrators", as_json=as_json)
    return 0


@commands.command()
def show(
    concentrator: Annotated[str, typer.Argument(help="The concentrator's number.")],
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Show what the registry knows of a concentrator. Keys are never shown."""
    return show_device("concentrators", concentrator, data=data, url=url, as_json=as_json)


@commands.command("list")
def list_(
    limit: PageSize = 100,
    after: Annotated[str | None, typer.Option(metavar="NUMBER", help="Begin after this concentrator.")] = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """List concentrators by their number."""
    return list_devices("concentrators", _COLUMNS, page=(limit, after), data=data, url=url, as_json=as_json)
