"""aforo limit, and a command for each kind of order that tells no limit."""

from collections.abc import Callable
from typing import Annotated

import typer

from aforo.app.commands.options import AsJson, Data, Url
from aforo.app.commands.ordering import (
    Asked,
    MeterArgument,
    NotAfter,
    Number,
    PriorityName,
    Proof,
    Reason,
    Special,
    Until,
    Urgency,
    Wait,
    WaitTimeout,
    Watching,
)
from aforo.app.commands.ordering import order as place
from aforo.app.console_output import WrongUsage
from aforo.domain.order_kinds import KINDS, LIMIT, OrderKind
from aforo.domain.quantities import InvalidLimit, PowerLimit


def limit(  # noqa: PLR0917 (typer calls it by name; these are the command's options)
    meter: MeterArgument,
    power: Annotated[str, typer.Argument(metavar="LIMIT", help="The limit with its unit, such as 2500W or 2.5kW.")],
    reason: Reason = "",
    priority: Urgency = PriorityName.NORMAL,
    not_after: NotAfter = None,
    until: Until = None,
    proof: Proof = None,
    special: Special = None,
    order: Number = None,
    wait: Wait = False,
    wait_timeout: WaitTimeout = 120.0,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Limit the power of a meter.

    Without --wait, exit code 0 means that the order was accepted. With --wait: 0 verified in the meter, 1 ended
    otherwise, 3 unconfirmed or still open when the time is over. 2 is a wrong argument.
    """
    asked = Asked(
        kind=LIMIT,
        meter=meter,
        limit=_watts(power),
        reason=reason,
        priority=priority,
        special=special,
        not_after=not_after,
        until=until,
        proof=None if proof is None else proof.value,
        number=order,
    )
    return place(asked, Watching(wait_s=wait_timeout if wait else None, data=data, url=url, as_json=as_json))


def add_kinds(app: typer.Typer) -> None:
    """A command for each kind that can be ordered and tells no limit, under its name."""
    for kind in KINDS.values():
        if kind.control_type and not kind.takes_limit:
            name = kind.name.lower().replace("_", "-")
            app.command(name, help=f"Order {_article(kind.en)} {kind.en}. Exit codes as of `aforo limit`.")(
                _command_of(kind)
            )


def _article(words: str) -> str:
    return "an" if words[0] in "aeiou" else "a"


def _command_of(kind: OrderKind) -> Callable[..., int]:
    def command(  # noqa: PLR0917 (typer calls it by name; these are the command's options)
        meter: MeterArgument,
        reason: Reason = "",
        priority: Urgency = PriorityName.NORMAL,
        not_after: NotAfter = None,
        special: Special = None,
        order: Number = None,
        wait: Wait = False,
        wait_timeout: WaitTimeout = 120.0,
        data: Data = None,
        url: Url = None,
        as_json: AsJson = False,
    ) -> int:
        asked = Asked(
            kind=kind,
            meter=meter,
            reason=reason,
            priority=priority,
            special=special,
            not_after=not_after,
            number=order,
        )
        return place(asked, Watching(wait_s=wait_timeout if wait else None, data=data, url=url, as_json=as_json))

    return command


def _watts(text: str) -> PowerLimit:
    try:
        return PowerLimit.parse(text)
    except InvalidLimit as wrong:
        raise WrongUsage(str(wrong)) from None
