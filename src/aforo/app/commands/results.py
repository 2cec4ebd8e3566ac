"""aforo results: what has ended, since a number; and to the queue once more."""

from typing import Annotated

import typer

from aforo.app.commands.operator_client import OperatorClient, locate
from aforo.app.commands.options import AsJson, Data, PageSize, Url
from aforo.app.console_output import say, say_json, say_table

commands = typer.Typer(no_args_is_help=True, help="Results: list them since a number, or publish them again.")


@commands.command("list")
def list_(
    since: Annotated[int, typer.Option(metavar="N", min=1, help="The first serial.")] = 1,
    limit: PageSize = 20,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """List results, the oldest first."""
    with OperatorClient(locate(data, url)) as client:
        found = client.get("results", since=since, limit=limit)
    if as_json:
        say_json(found)
        return 0
    rows = [(one["serial"], one["event"]["id"], one["event"]["time"], one["event"]["data"]) for one in found["results"]]
    names = ("order", "source", "meter", "state", "cause")
    say_table(("serial", "id", "time", *names), ((*row[:3], *(row[3][name] for name in names)) for row in rows))
    if found["results"]:
        say(f"what follows: --since {found['next']}")
    return 0


@commands.command()
def replay(
    since: Annotated[int, typer.Option(metavar="N", min=1, help="The first serial that is published again.")],
    until: Annotated[int | None, typer.Option(metavar="N", min=1, help="The last; left out, all there are.")] = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Publish results to the queue again, under the ids that they had: who has them already drops them."""
    with OperatorClient(locate(data, url)) as client:
        told = client.post("results/replay", {"since": since, **({} if until is None else {"until": until})})
    if as_json:
        say_json(told)
    else:
        say(f"{told['results']} results are on their way again")
    return 0
