"""The ordering side: what a commercial system sends, and how it takes the final answer in."""

from datetime import datetime

from aforo.cim.control_requests import CancelRequest, ControlRequest, GetRequest
from aforo.cim.control_response import ControlResponse, read_response
from aforo.cim.end_device_controls import write_cancel, write_create, write_get
from aforo.cim.message import Header, Reply, Result, message_id, timestamp, write_header, write_reply
from aforo.cim.namespaces import ACKNOWLEDGEMENT, MESSAGE, NOUN
from aforo.cim.soap import wrap
from aforo.cim.xml_writing import root


def create_envelope(request: ControlRequest) -> bytes:
    return wrap(write_create(request))


def cancel_envelope(request: CancelRequest) -> bytes:
    return wrap(write_cancel(request))


def get_envelope(request: GetRequest) -> bytes:
    return wrap(write_get(request))


def read_answer(octets: bytes) -> ControlResponse:
    """The acknowledgement at once, the answer to a question, and the final answer: one form, told apart by its code.

    Raises SoapFault, UnreadableMessage.
    """
    return read_response(octets)


def acknowledgement_envelope(answer: Header, *, source: str, now: datetime) -> bytes:
    """What the receiver of a final answer returns in the same HTTP exchange, so that it is not sent again.

    source: the receiver, as in its orders.
    """
    header = Header(
        verb="reply",
        noun=NOUN,
        timestamp=timestamp(now),
        source=source,
        message_id=message_id("acknowledged", source, answer.message_id),
        correlation_id=answer.answer_correlation,
    )
    message = root(ACKNOWLEDGEMENT)
    write_header(message, MESSAGE, header)
    write_reply(message, MESSAGE, Reply(Result.OK))
    return wrap(message)
