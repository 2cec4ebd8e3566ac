"""aforo legacy: the commercial system's side, for people who test: orders in any dialect, and a door for answers."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Annotated, Any
from xml.sax.saxutils import escape

import typer

from aforo.adapters.mock_legacy import Behaviour, MockLegacy
from aforo.adapters.system_clock import SystemClock
from aforo.adapters.system_entropy import SystemEntropy
from aforo.app.commands.operator_client import OperatorClient, locate
from aforo.app.commands.options import AsJson, Data, Url
from aforo.app.commands.registry_import import rows_of
from aforo.app.console_output import CommandFailed, WrongUsage, complain, say, say_json, say_table
from aforo.cim.control_requests import CANONICAL
from aforo.cim.dialect import sample_request, shipped
from aforo.cim.message import timestamp
from aforo.cim.refusal import UnreadableMessage
from aforo.cim.soap import SoapFault, wrap
from aforo.cim.told_answer import OPEN, ToldAnswer, pretty_told, read_told
from aforo.cim.xml_reading import parse

commands = typer.Typer(no_args_is_help=True, help="The commercial system's side, for tests: send orders, take answers.")
NEEDED = ("order", "meter")
OPTIONS = ("watts", "usage_point", "reason")
LOOK_S = 0.05


@commands.command()
def send(  # noqa: PLR0917 (typer calls it by name; these are the command's options)
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: order, meter; and watts, usage_point, reason.")],
    dialect: Annotated[
        str, typer.Option(metavar="NAME", help="In which they are written; see dialects.md.")
    ] = CANONICAL,
    source: Annotated[str, typer.Option(metavar="NAME", help="Who orders: Header/Source.")] = "CIS",
    wait_timeout: Annotated[float, typer.Option(metavar="S", min=0, max=86_400, help="Seconds for answers.")] = 60.0,
    show: Annotated[bool, typer.Option("--show", help="Every message that comes back, as it is.")] = False,
    data: Data = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Send an order for each line of a CSV file by SOAP, in any dialect, and show what is answered at once and at last.

    The dialects' sample orders are sent, with the line's values; `meter-readings` reads instead of limiting.
    """
    names = [CANONICAL, *shipped().by_name]
    if dialect not in names:
        raise WrongUsage(f"a dialect is one of {', '.join(names)}")
    rows = rows_of(file, NEEDED, OPTIONS)
    answers = _Answers()
    with MockLegacy(answers.take) as legacy, OperatorClient(locate(data, url)) as client:
        sent = [_sent(client, cells, dialect, (source, legacy.address), show=show) for cells in rows.cells]
        waiting = {one["correlation"] for one in sent if one["code"] in OPEN}
        answers.wait_for(waiting, wait_timeout)
    for one in sent:
        octets = answers.of(one["correlation"])
        told = None if octets is None else _told(octets)
        one["answer"] = None if told is None else {"result": told.result, "code": told.code, "details": told.details}
        if show and octets is not None:
            say(pretty_told(octets))
    return _say(sent, as_json=as_json)


@commands.command()
def receive(
    behave: Annotated[Behaviour, typer.Option(help="What the receiver does with every answer.")] = Behaviour.OK,
    port: Annotated[int, typer.Option(metavar="N", min=1, max=65535, help="On loopback.")] = 9000,
    as_json: AsJson = False,
) -> int:
    """Be a commercial system's door for answers until Ctrl-C, and behave: ok, fail, fault, refuse or hang."""

    def take(octets: bytes) -> None:
        told = _told(octets)
        if told is None:
            complain("what came is no answer")
        elif as_json:
            say_json({"root": told.root, "correlation": told.correlation_id, "result": told.result, "code": told.code})
        else:
            say(f"{told.root} {told.correlation_id}: {told.result} {told.code} {told.reason} [{told.details}]")

    try:
        legacy = MockLegacy(take, behave, port)
    except OSError as taken:
        raise CommandFailed(f"port {port} cannot be listened on: {taken.strerror}") from taken
    with legacy:
        say(f"answers are taken at {legacy.address}, and get: {behave.value}  (Ctrl-C ends it)")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


class _Answers:
    """The final answers, by their correlation id; filled by the door's threads."""

    def __init__(self) -> None:
        self._octets: dict[str, bytes] = {}

    def take(self, octets: bytes) -> None:
        told = _told(octets)
        if told is not None:
            self._octets[told.correlation_id] = octets

    def of(self, correlation: str) -> bytes | None:
        return self._octets.get(correlation)

    def wait_for(self, correlations: set[str], wait_s: float) -> None:
        until = time.monotonic() + wait_s
        while time.monotonic() < until and not correlations <= self._octets.keys():
            time.sleep(LOOK_S)


def _sent(
    client: OperatorClient, cells: Mapping[str, str], dialect: str, who: tuple[str, str], *, show: bool
) -> dict[str, Any]:
    """who: source, and address for the answer."""
    identifier = SystemEntropy().uuid()
    words = {
        "number": cells["order"],
        "meter": cells["meter"],
        "watts": cells.get("watts") or "0",
        "usage_point": cells.get("usage_point") or "",
        "reason": cells.get("reason") or "test",
        "source": who[0],
        "reply_address": who[1],
        "message_id": identifier,
        "correlation_id": identifier,
        "timestamp": timestamp(SystemClock().now()),
    }
    text = Template(sample_request(dialect)).substitute({name: escape(value) for name, value in words.items()})
    octets = client.order(wrap(parse(text.encode())))
    one: dict[str, Any] = {"order": cells["order"], "meter": cells["meter"], "correlation": identifier}
    try:
        told = read_told(octets)
    except SoapFault as fault:
        return {**one, "result": "fault", "code": fault.code, "reason": fault.text}
    if show:
        say(pretty_told(octets))
    return {**one, "result": told.result, "code": told.code, "reason": told.reason or told.details}


def _told(octets: bytes) -> ToldAnswer | None:
    """None: it is no answer."""
    try:
        return read_told(octets)
    except (SoapFault, UnreadableMessage):
        return None


def _say(sent: list[dict[str, Any]], *, as_json: bool) -> int:
    if as_json:
        say_json({"orders": sent})
    else:
        rows = [(*(one[name] for name in ("order", "meter", "result", "code")), *_shown(one)) for one in sent]
        say_table(("order", "meter", "at once", "code", "at last", "code", "details"), rows)
    good = [one for one in sent if one["answer"] is not None and one["answer"]["result"] == "OK"]
    return 0 if len(good) == len(sent) else 1


def _shown(one: Mapping[str, Any]) -> tuple[str, str, str]:
    answer = one["answer"]
    if answer is not None:
        return answer["result"], answer["code"], answer["details"]
    return ("none came", "", "") if one["code"] in OPEN else ("", "", one["reason"])
