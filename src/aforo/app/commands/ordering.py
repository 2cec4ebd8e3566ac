"""One order through the SOAP door, as a commercial system would send it, and what becomes of it."""

from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import replace

from aforo.adapters.reply_receiver import ReplyReceiver
from aforo.adapters.system_clock import SystemClock
from aforo.adapters.system_entropy import SystemEntropy
from aforo.app.commands.final_answer import FinalAnswer, document_of
from aforo.app.commands.following import Follower, ending
from aforo.app.commands.operator_client import OperatorClient, SystemAway, locate
from aforo.app.commands.options import moment_of
from aforo.app.commands.trace_output import say_fact, say_outcome, steps_of
from aforo.app.console_output import CommandFailed, WrongUsage, complain, language, say, say_json
from aforo.cim.client import create_envelope, read_answer
from aforo.cim.control_requests import ControlRequest, Option
from aforo.cim.control_response import ControlResponse
from aforo.cim.message import Header, Result, timestamp
from aforo.cim.namespaces import NOUN
from aforo.cim.refusal import UnreadableMessage
from aforo.cim.soap import SoapFault
from aforo.domain.order_kinds import OrderKind
from aforo.domain.quantities import PowerLimit

SOURCE = "aforo-cli"
"""Header/Source of our orders."""


class ProofName(StrEnum):
    """What may be asked for beyond an order's being verified."""

    EFFECTIVE = "effective"


class PriorityName(StrEnum):
    """As the option and the message write it."""

    HIGH = "high"
    NORMAL = "normal"


MeterArgument = Annotated[str, typer.Argument(help="The meter's number.")]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]
Urgency = Annotated[PriorityName, typer.Option("--priority", help="High goes before normal.")]
NotAfter = Annotated[str | None, typer.Option(metavar="T", help="Not to begin later: ISO 8601 with its zone.")]
Proof = Annotated[
    ProofName | None,
    typer.Option(
        metavar="RUNG", help="effective: prove it by the demand read half an hour later; order NUMBER/proof tells."
    ),
]
Until = Annotated[
    str | None, typer.Option(metavar="T", help="When the limit ends, by an order of its own: ISO 8601 with its zone.")
]
Special = Annotated[str | None, typer.Option(metavar="REASON", help="Why it may run outside the service window.")]
Number = Annotated[
    str | None, typer.Option("--order", metavar="NUMBER", help="The order's number; repeating it repeats nothing.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Show the steps as they happen, and end with the answer.")]
WaitTimeout = Annotated[float, typer.Option(metavar="S", min=1, max=86_400, help="Seconds to wait.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is ordered. limit: None for kinds that tell none.   not_after, until: as they were typed.

    number: None makes one.
    """

    kind: OrderKind
    meter: str
    limit: PowerLimit | None = None
    reason: str = ""
    priority: PriorityName = PriorityName.NORMAL
    special: str | None = None
    not_after: str | None = None
    until: str | None = None
    number: str | None = None
    retry_of: str | None = None
    proof: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """wait_s: None only sends."""

    wait_s: float | None
    data: Path | None
    url: str | None
    as_json: bool


def order(asked: Asked, watching: Watching) -> int:
    """The exit code: without waiting 0 means accepted; with it 0 verified, 1 ended otherwise, 3 unconfirmed or open."""
    request = _request(asked)
    with ExitStack() as stack:
        client = stack.enter_context(OperatorClient(locate(watching.data, watching.url)))
        if watching.wait_s is None:
            return _say_accepted(_send(client, request), as_json=watching.as_json)
        client.get("orders", limit=1)  # a missing token is told before anything is ordered
        answer = FinalAnswer(request.header.message_id, source=SOURCE, now=SystemClock().now)
        receiver = stack.enter_context(ReplyReceiver(SystemEntropy().uuid(), answer.take))
        header = replace(request.header, async_reply=True, reply_address=receiver.address)
        accepted = _send(client, replace(request, header=header), must_be_accepted=False)
        follower = Follower(
            lambda: locate(watching.data, watching.url),
            number=request.number,
            source=SOURCE,
            answer=answer,
            on_fact=(lambda _: None) if watching.as_json else say_fact,
        )
        return _say_end(follower.follow(watching.wait_s), accepted, answer, as_json=watching.as_json)


def _options(asked: Asked) -> tuple[Option, ...]:
    priority, special, not_after = asked.priority, asked.special, asked.not_after
    if special is not None and not special.strip():
        raise WrongUsage("--special says why the order may run outside the service window")
    given = {
        "priority": None if priority is PriorityName.NORMAL else priority.value,
        "special": special,
        "notAfter": None if not_after is None else timestamp(moment_of("--not-after", not_after)),
        "retryOf": asked.retry_of,
        "proof": asked.proof,
        "until": None if asked.until is None else timestamp(moment_of("--until", asked.until)),
    }
    return tuple(Option(name, value) for name, value in given.items() if value is not None)


def _request(asked: Asked) -> ControlRequest:
    """The number is made here, so that it is known even when no acknowledgement comes."""
    options = _options(asked)
    now = SystemClock().now()
    identifier = SystemEntropy().uuid()
    header = Header(
        verb="create", noun=NOUN, timestamp=timestamp(now), source=SOURCE, message_id=identifier, async_reply=False
    )
    return ControlRequest(
        header=header,
        number=asked.number or f"{now:%Y%m%d-%H%M%S}-{identifier[:6]}",
        meter=asked.meter,
        control_type=asked.kind.control_type,
        watts=None if asked.limit is None else Decimal(asked.limit.watts),
        reason=asked.reason,
        options=options,
    )


def _send(client: OperatorClient, request: ControlRequest, *, must_be_accepted: bool = True) -> ControlResponse:
    """The acknowledgement. Refused orders that exist all the same come back only when they may: they have a trace."""
    try:
        response = read_answer(client.order(create_envelope(request)))
    except SystemAway as away:
        if away.nothing_arrived:
            raise
        again = f"`aforo order show {request.number}` tells; repeating it with --order {request.number} is safe"
        raise CommandFailed(f"{away}, so the order may have been accepted: {again}", order=request.number) from None
    except SoapFault as fault:
        raise CommandFailed(f"the order was not accepted: {fault.text}", order=request.number) from None
    except UnreadableMessage as unreadable:
        words = f"what answered is no CIM message: {unreadable.refusal.reason(language())}"
        raise CommandFailed(words, order=request.number) from None
    exists = response.control is not None
    if response.reply.result is Result.FAILED and (must_be_accepted or not exists):
        error = response.error
        more = " ".join(part for part in (error.details, f"({error.code})", error.xpath) if part)
        raise CommandFailed(
            f"refused: {error.reason} {more}",
            order=request.number,
            accepted=False,
            refusal={"code": error.code, "reason": error.reason, "details": error.details, "xpath": error.xpath},
        )
    return response


def _say_accepted(response: ControlResponse, *, as_json: bool) -> int:
    number = response.reply.number or (response.control.number if response.control else "")
    error = response.error
    if as_json:
        say_json({"order": number, "accepted": True, "code": error.code, "reason": error.reason})
    else:
        say(f"{number}: {error.reason or 'accepted'}")
        say(f"`aforo order show {number}` shows its steps")
    return 0


def _say_end(order: dict[str, Any] | None, accepted: ControlResponse, answer: FinalAnswer, *, as_json: bool) -> int:
    """order: as last seen, None when the system could not be asked."""
    end = ending(order, answer)
    if as_json:
        shown = {name: value for name, value in (order or {}).items() if name != "facts"}
        say_json(
            {
                "order": accepted.reply.number,
                "accepted": accepted.reply.result is not Result.FAILED,
                **shown,
                "steps": steps_of(order["facts"] if order else ()),
                "answer": None if answer.response is None else document_of(answer.response),
                "outcome": end.words,
                "exit": end.code,
            }
        )
        return end.code
    if order is not None:
        say("")
        say_outcome(order)
    if end.code == 0:
        say(end.words)
    else:
        complain(end.words)
    return end.code
