"""Steps 5 and 6 joined: one visit to one meter, as a conversation free of transport.

Whoever holds the DLMS association drives it: a concentrator, or the head-end itself for direct and transparent meters.
What is said in it is a procedure: see `aforo.flow.procedures`.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from aforo import dlms
from aforo.domain.causes import Cause
from aforo.domain.meter_models import MeterModel
from aforo.domain.quantities import PowerLimit
from aforo.domain.readback import CommandResult, Verdict
from aforo.flow.step6_answer_from_meter import VisitFailed


@dataclass(slots=True)
class MeterTask:
    """What is to be done at a meter, and how far it has come; kept durably by a concentrator.

    procedure: its name.   until: when its limit ends; None when it stays.   not_after: no command begins later, however
    long it took to reach the meter.   before: what the meter told before the command.   written: what the first command
    that has left, or is about to, sets; both as `Command` tells them.   is_urgent: the meter is told, by the priority
    bit of every request.
    """

    procedure: str
    limit: PowerLimit | None = None
    until: datetime | None = None
    not_after: datetime | None = None
    before: int | None = None
    written: int | None = None
    is_urgent: bool = False


class Answer(Struct, frozen=True):
    """A meter's response and when it came."""

    response: dlms.Response
    at: datetime


class Command(Struct, frozen=True):
    """A request after which silence means that the outcome is unknown.

    before, written: raw thresholds; for the supply switch its control_state before, and the method invoked.
    """

    request: dlms.Request
    before: int
    written: int


Step = dlms.Request | Command
Conversation = Generator[Step, Answer, CommandResult]


@dataclass(frozen=True, slots=True)
class Procedure:
    """command: reads before it commands, so that the time of an answer tells whether a command may still begin.

    look: the same object only read, and compared with what an earlier command of the task set, if there was one.
    """

    command: Callable[[MeterTask, MeterModel], Conversation]
    look: Callable[[MeterTask, MeterModel], Conversation]


class Visit:
    """Ask for the first step, hand in each answer, get the next step or the result. Used once."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._command_left = False

    def begin(self) -> Step | CommandResult:
        """The first step, or the result of a procedure that ends before it asks anything."""
        try:
            return self._noted(next(self._conversation))
        except VisitFailed as failed:
            return failed.result

    def answer(self, response: dlms.Response, at: datetime) -> Step | CommandResult:
        try:
            return self._noted(self._conversation.send(Answer(response, at)))
        except StopIteration as done:
            result: CommandResult = done.value
            return result
        except VisitFailed as failed:
            return failed.result

    def lost(self, cause: Cause, detail: str) -> CommandResult:
        """The result when the meter falls silent or breaks the protocol: KO only if no command has left."""
        self._conversation.close()
        if self._command_left:
            return CommandResult(Verdict.UNKNOWN, Cause.OUTCOME_UNKNOWN, detail)
        return CommandResult(Verdict.KO, cause, detail)

    def _noted(self, step: Step) -> Step:
        self._command_left = self._command_left or isinstance(step, Command)
        return step
