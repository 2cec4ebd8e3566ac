"""aforo status: how the whole stands now."""

from typing import Any

from aforo.app.commands.operator_client import OperatorClient, locate
from aforo.app.commands.options import AsJson, Data, Url
from aforo.app.console_output import say, say_json, say_pairs, say_table


def status(data: Data = None, url: Url = None, as_json: AsJson = False) -> int:
    """Show what waits, on which lanes and since when, how fast it goes, and when it will be done."""
    with OperatorClient(locate(data, url)) as client:
        told = client.get("status")
    if as_json:
        say_json(told)
        return 0
    say_pairs(
        [
            ("processes", told["processes"]),
            ("open orders", ", ".join(f"{orders} {state}" for state, orders in told["open"].items()) or "none"),
            ("due now", f"{told['due']}, for {told['lag_s']:.1f} s at most" if told["due"] else "none"),
            ("ended", f"{told['ended_last_minute']} in the last minute, {told['orders_per_s']:.1f} a second"),
            ("done in", _done_in(told["done_in_s"])),
            ("results", f"{told['results_unpublished']} to publish, {told['results_unanswered']} to be acknowledged"),
        ]
    )
    if told["lanes"]:
        say("")
        say_table(("lane", "waiting", "out", "due for"), [_row(lane) for lane in told["lanes"]])
    return 0


def _done_in(seconds: int | None) -> str:
    if seconds is None:
        return "not known: nothing has ended in the last minute"
    return "nothing to do" if seconds == 0 else f"about {seconds} s, at this speed"


def _row(lane: dict[str, Any]) -> tuple[Any, ...]:
    lag = "" if lane["lag_s"] is None else f"{lane['lag_s']:.1f} s"
    return lane["lane"], lane["waiting"], lane["out"], lag
