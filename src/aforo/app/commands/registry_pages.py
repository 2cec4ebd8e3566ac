"""What the registry of the running system holds, one device or a page of them."""

from collections.abc import Sequence
from pathlib import Path

from aforo.app.commands.operator_client import OperatorClient, locate
from aforo.app.console_output import say, say_json, say_pairs, say_table


def show_device(kind: str, number: str, *, data: Path | None, url: str | None, as_json: bool) -> int:
    """kind: `meters` or `concentrators`. Raises CommandFailed."""
    with OperatorClient(locate(data, url)) as client:
        found = client.get(kind, number)
    if as_json:
        say_json(found)
    else:
        say_pairs(found.items())
    return 0


def list_devices(
    kind: str,
    columns: Sequence[str],
    *,
    page: tuple[int, str | None],
    data: Path | None,
    url: str | None,
    as_json: bool,
) -> int:
    """page: how many at most, and the number to begin after. Raises CommandFailed."""
    limit, after = page
    with OperatorClient(locate(data, url)) as client:
        found = client.get(kind, limit=limit, after=after)
    if as_json:
        say_json(found)
        return 0
    say_table(columns, ([one[column] for column in columns] for one in found[kind]))
    if found["next"]:
        say(f"more: --after {found['next']}")
    return 0
