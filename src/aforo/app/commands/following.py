"""Waiting for an order: its facts as they happen, until it has ended and its answer is delivered."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aforo.app.commands.final_answer import FinalAnswer
from aforo.app.commands.operator_client import NotFound, OperatorClient, SystemAway, Target
from aforo.app.console_output import DONE, FAILED, UNCONFIRMED
from aforo.cim.control_response import ControlResponse
from aforo.cim.message import Result
from aforo.domain.delivery import DeliveryState
from aforo.domain.order_states import OrderState

POLL_S = 0.2
ANSWER_WAIT_S = 5.0
"""For the answer to arrive after the order has ended: one that was not taken at once is tried again after this."""

_DELIVERED = {DeliveryState.ANSWERED.value, DeliveryState.KEPT.value}
_CODES = {OrderState.VERIFIED.value: DONE, OrderState.UNCONFIRMED.value: UNCONFIRMED}
_CODES_OF_ANSWERS = {Result.OK: DONE, Result.PARTIAL: UNCONFIRMED, Result.FAILED: FAILED}


class Follower:
    """locate: finds the system anew after every call without an answer, for one that was started again elsewhere.

    on_fact: called with each new fact, as the operator API shows it.   clock: seconds, rising.
    """

    def __init__(
        self,
        locate: Callable[[], Target],
        *,
        number: str,
        source: str,
        answer: FinalAnswer,
        on_fact: Callable[[dict[str, Any]], None],
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._locate = locate
        self._number = number
        self._source = source
        self._answer = answer
        self._on_fact = on_fact
        self._clock = clock
        self._pause = pause
        self._until = 0.0
        self._facts: list[dict[str, Any]] = []
        self._seen: dict[str, Any] | None = None

    def follow(self, wait_s: float) -> dict[str, Any] | None:
        """The order as last seen, with all its facts; None when it was never seen."""
        self._until = self._clock() + wait_s
        while self._clock() < self._until:
            try:
                with OperatorClient(self._locate()) as client:
                    self._follow_here(client)
            except (SystemAway, NotFound):  # it may be starting again; the order is durable
                self._pause(POLL_S)
        return None if self._seen is None else {**self._seen, "facts": self._facts}

    def _follow_here(self, client: OperatorClient) -> None:
        while self._clock() < self._until:
            order = client.get("orders", self._number, source=self._source, after=len(self._facts))
            for fact in order["facts"]:
                self._on_fact(fact)
            self._facts += order["facts"]
            if order["ended"] and not (self._seen and self._seen["ended"]):
                self._until = min(self._until, self._clock() + ANSWER_WAIT_S)
            self._seen = order
            if order["ended"] and _is_delivered(order):
                self._until = self._clock()
            else:
                self._pause(POLL_S)


def _is_delivered(order: dict[str, Any]) -> bool:
    deliveries = order["deliveries"]
    return bool(deliveries) and all(one["state"] in _DELIVERED for one in deliveries)


@dataclass(frozen=True, slots=True)
class Ending:
    """code: of the command.   words: why, in a sentence."""

    code: int
    words: str


def ending(order: dict[str, Any] | None, answer: FinalAnswer) -> Ending:
    """order: as last seen. What the system itself shows goes before the answer, which may not have come."""
    response = answer.response
    told = "it has ended, but no answer came to this command" if response is None else _told(response)
    if order is None or not order["ended"]:
        if response is not None:
            return Ending(_CODES_OF_ANSWERS[response.reply.result], told)
        if order is None:
            return Ending(
                UNCONFIRMED, "the system could not be asked how the order stands; `aforo order list` will tell"
            )
        return Ending(UNCONFIRMED, f"still open ({order['state']}); `aforo order show {order['number']}` tells more")
    code = _CODES.get(order["state"], FAILED)
    words = f"{order['state']} ({order['cause']['code']})" if order["cause"] else order["state"]
    return Ending(code, f"{words}; {told}")


def _told(response: ControlResponse) -> str:
    error = response.error
    return f"answer {response.reply.result.value} {error.code}: {error.reason}".rstrip(": ")
