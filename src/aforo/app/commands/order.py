"""aforo order: what became of orders."""

from typing import Annotated
from urllib.parse import quote

import typer

from aforo.app.commands.explanation_output import explanation_of, say_explanation
from aforo.app.commands.operator_client import OperatorClient, locate
from aforo.app.commands.options import AsJson, Data, PageSize, Url
from aforo.app.commands.order_import import import_orders
from aforo.app.commands.ordering import (
    SOURCE,
    Asked,
    Number,
    PriorityName,
    Special,
    Wait,
    WaitTimeout,
    Watching,
)
from aforo.app.commands.ordering import order as place
from aforo.app.commands.trace_output import say_outcome, say_steps, say_visit, steps_of
from aforo.app.console_output import CommandFailed, say, say_json, say_table
from aforo.domain.order_kinds import KINDS
from aforo.domain.order_states import OrderState
from aforo.domain.quantities import PowerLimit

commands = typer.Typer(no_args_is_help=True, help="Orders: list them, import many, and show one with its nine steps.")
commands.command("import")(import_orders)


@commands.command()
def show(
    order: Annotated[str, typer.Argument(help="The order's number.")],
    source: Annotated[str | None, typer.Option(help="Who ordered it, when several used the number.")] = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Show the nine steps of an order, its state, its evidence and its delivery."""
    with OperatorClient(locate(data, url)) as client:
        found = client.get("orders", order, source=source)
    if as_json:
        facts = found.pop("facts")
        say_json({**found, "steps": steps_of(facts)})
        return 0
    say_steps(found["facts"], ended=found["ended"])
    say("")
    say_outcome(found)
    if source is None and len(found["sources"]) > 1:
        say(f"this number was used by {', '.join(found['sources'])}; choose with --source")
    return 0


@commands.command()
def explain(
    order: Annotated[str, typer.Argument(help="The order's number.")],
    source: Annotated[str | None, typer.Option(help="Who ordered it, when several used the number.")] = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Say why an order stands where it stands, whom it waits for, and what would have to change.

    On one page, with each step, each try, and every frame to the meter that is on record.
    """
    with OperatorClient(locate(data, url)) as client:
        found = client.get("orders", order, source=source)
        visits = client.get("orders", order, "frames", source=source)["visits"]
    page = explanation_of(found)
    if as_json:
        facts = found.pop("facts")
        say_json({**found, "explanation": page, "steps": steps_of(facts), "visits": visits})
        return 0
    say_outcome(found)
    say("")
    say_explanation(page)
    say("")
    say_steps(found["facts"], ended=found["ended"])
    for visit in visits:
        say("")
        say_visit(visit)
    return 0


@commands.command()
def receipt(
    order: Annotated[str, typer.Argument(help="The order's number.")],
    source: Annotated[str | None, typer.Option(help="Who ordered it, when several used the number.")] = None,
    data: Data = None,
    url: Url = None,
) -> int:
    """Print a receipt: the order's facts, and the proof that a seal of the audit trail covers them. As JSON.

    Kept elsewhere, it shows later whether anything was changed: `aforo audit verify --receipt FILE`.
    """
    with OperatorClient(locate(data, url)) as client:
        say_json(client.get("orders", order, "receipt", source=source))
    return 0


@commands.command()
def frames(
    order: Annotated[str, typer.Argument(help="The order's number.")],
    source: Annotated[str | None, typer.Option(help="Who ordered it, when several used the number.")] = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Show what went over the line to the meter, frame by frame, in words.

    Of direct and transparent meters; a concentrator that carries orders out itself keeps its frames to itself.
    """
    with OperatorClient(locate(data, url)) as client:
        found = client.get("orders", order, "frames", source=source)
    if as_json:
        say_json(found)
        return 0
    for visit in found["visits"]:
        say_visit(visit)
    if not found["visits"]:
        say("no frames are on record: no visit yet, or the concentrator made it by itself")
    return 0


@commands.command()
def retry(  # noqa: PLR0917 (typer calls it by name; these are the command's options)
    order: Annotated[str, typer.Argument(help="The order's number.")],
    special: Special = None,
    number: Number = None,
    wait: Wait = False,
    wait_timeout: WaitTimeout = 120.0,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Give an order that did not end VERIFIED once more, under a number of its own that is linked to the first.

    The same kind, meter, limit, reason and priority; times and permissions are not taken over. Exit codes as of
    `aforo limit`.
    """
    with OperatorClient(locate(data, url)) as client:
        first = client.get("orders", order, source=SOURCE)
    if not first["ended"] or first["state"] == OrderState.VERIFIED.value:
        raise CommandFailed(f"{order} is {first['state']}: only what has ended otherwise than VERIFIED is given again")
    asked = Asked(
        kind=KINDS[first["kind"]],
        meter=first["meter"],
        limit=PowerLimit(first["limit_w"]) if KINDS[first["kind"]].takes_limit else None,
        reason=first["reason"],
        priority=PriorityName(first["priority"]),
        special=special,
        number=number,
        retry_of=order,
    )
    return place(asked, Watching(wait_s=wait_timeout if wait else None, data=data, url=url, as_json=as_json))


@commands.command()
def cancel(  # noqa: PLR0917 (typer calls it by name; these are the command's options)
    order: Annotated[str, typer.Argument(help="The order's number.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who cancels it.")],
    reason: Annotated[str, typer.Option(help="Why; the commercial system is told.")] = "",
    source: Annotated[str | None, typer.Option(help="Who ordered it, when several used the number.")] = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Cancel an order that was not sent yet; the commercial system gets CANCELLED as its answer."""
    asked = {"by": by, "reason": reason, **({} if source is None else {"source": source})}
    with OperatorClient(locate(data, url)) as client:
        cancelled = client.post(f"orders/{quote(order, safe='')}/cancel", asked)
    if as_json:
        say_json(cancelled)
    else:
        say(f"{cancelled['number']} is {cancelled['state']}")
    return 0


@commands.command()
def approve(  # noqa: PLR0917 (typer calls it by name; these are the command's options)
    order: Annotated[str, typer.Argument(help="The order's number.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who approves it: not who ordered it.")],
    source: Annotated[str | None, typer.Option(help="Who ordered it, when several used the number.")] = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Release an order that waits for approval, such as one that restricts a protected customer."""
    asked = {"by": by, **({} if source is None else {"source": source})}
    with OperatorClient(locate(data, url)) as client:
        approved = client.post(f"orders/{quote(order, safe='')}/approve", asked)
    if as_json:
        say_json(approved)
    else:
        say(f"{approved['number']} is approved by {by}")
    return 0


@commands.command("list")
def list_(  # noqa: PLR0917 (typer calls it by name; these are the command's options)
    limit: PageSize = 20,
    after: Annotated[int | None, typer.Option(metavar="NEXT", help="`next` of the page before.")] = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="Only those in this state, such as FAILED.")
    ] = None,
    cause: Annotated[str | None, typer.Option(metavar="CODE", help="Only those with this cause.")] = None,
    meter: Annotated[str | None, typer.Option(metavar="NUMBER", help="Only those of this meter.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only those received since, such as 2026-11-25T08:00-03:00.")
    ] = None,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """List orders, the newest first."""
    with OperatorClient(locate(data, url)) as client:
        found = client.get("orders", limit=limit, after=after, state=state, cause=cause, meter=meter, since=since)
    if as_json:
        say_json(found)
        return 0
    names = ("number", "source", "received_at", "kind", "meter", "limit_w", "state", "cause", "attempts", "ended_at")
    rows = ({**order, "cause": order["cause"] and order["cause"]["code"]} for order in found["orders"])
    say_table(names, ([row[name] for name in names] for row in rows))
    if found["next"]:
        say(f"more: --after {found['next']}")
    return 0
