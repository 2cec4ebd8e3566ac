"""The final answer to one order, as the receiver's thread takes it in and the command's own thread reads it."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aforo.adapters.reply_receiver import NotTheAnswer
from aforo.cim.client import acknowledgement_envelope, read_answer
from aforo.cim.control_response import ControlResponse
from aforo.cim.refusal import UnreadableMessage
from aforo.cim.soap import SoapFault


class FinalAnswer:
    """message_id: of the order's message, by which its answer is known. A repeated answer is acknowledged again."""

    def __init__(self, message_id: str, *, source: str, now: Callable[[], datetime]) -> None:
        self._message_id = message_id
        self._source = source
        self._now = now
        self._arrived = threading.Event()
        self.response: ControlResponse | None = None

    def take(self, body: bytes) -> bytes:
        """The acknowledgement. Raises NotTheAnswer."""
        try:
            response = read_answer(body)
        except (SoapFault, UnreadableMessage) as wrong:
            raise NotTheAnswer(str(wrong)) from None
        if response.header.correlation_id != self._message_id:
            raise NotTheAnswer("this answers another message")
        self.response = response
        self._arrived.set()
        return acknowledgement_envelope(response.header, source=self._source, now=self._now())

    @property
    def has_arrived(self) -> bool:
        return self._arrived.is_set()


def document_of(response: ControlResponse) -> dict[str, Any]:
    error = response.error
    readback = response.control.readback if response.control else None
    threshold = None if readback is None else readback.threshold
    return {
        "result": response.reply.result.value,
        "code": error.code,
        "reason": error.reason,
        "details": error.details,
        "message_id": response.header.message_id,
        "read_back_w": None if threshold is None else f"{threshold:f}",
        "breaker": None if readback is None else readback.breaker or None,
    }
