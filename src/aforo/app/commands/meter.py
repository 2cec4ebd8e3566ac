"""aforo meter: what the registry knows of meters."""

from pathlib import Path
from typing import Annotated

import typer

from aforo.adapters.registry_csv import METER_COLUMNS, METER_OPTIONS
from aforo.app.commands.operator_client import OperatorClient, locate
from aforo.app.commands.options import AsJson, Data, PageSize, Url
from aforo.app.commands.registry_import import import_file, say_imported
from aforo.app.commands.registry_pages import list_devices, show_device

commands = typer.Typer(no_args_is_help=True, help="Meters: import them from a CSV file, list and show them.")

_FILE_HELP = (
    f"CSV in UTF-8 with the columns {', '.join(METER_COLUMNS)}; may have {', '.join(METER_OPTIONS)}. "
    "framing: wrapper or hdlc over TCP, or udp; physical_device: HDLC lower address."
)

_COLUMNS = (
    "meter_number",
    "link",
    "concentrator",
    "host",
    "port",
    "framing",
    "model",
    "commissioned",
    "max_power_w",
    "has_keys",
)


@commands.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help=_FILE_HELP)],
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Insert or replace meters, all rows or none. Keys and the title are in hex; empty where not used."""
    with OperatorClient(locate(data, url)) as client:
        count = import_file(client, file, "meters", columns=METER_COLUMNS, options=METER_OPTIONS)
    say_imported(count, "meters", as_json=as_json)
    return 0


@commands.command()
def show(
    meter: Annotated[str, typer.Argument(help="The meter's number.")],
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Show what the registry knows of a meter. Keys are never shown."""
    return show_device("meters", meter, data=data, url=url, as_json=as_json)


@commands.command("list")
def list_(
    limit: PageSize = 100,
    after: Annotated[str | None, typer.Option(metavar="NUMBER", help="Begin after this meter.")] = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """List meters by their number."""
    return list_devices("meters", _COLUMNS, page=(limit, after), data=data, url=url, as_json=as_json)
