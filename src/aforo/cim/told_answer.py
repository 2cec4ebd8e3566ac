"""What an answer says, in whatever dialect it is written: for people who look at it, and for those who test."""

from dataclasses import dataclass

from lxml import etree

from aforo.cim.soap import open_answer
from aforo.cim.xml_reading import Element, local_name, token_of

OPEN = frozenset({"0.3", "6.2"})
"""Codes after which a final answer follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldAnswer:
    """root: local name of the message.   code: of the first error; empty when there is none.   numbers: of orders."""

    root: str
    correlation_id: str
    message_id: str
    result: str
    code: str
    reason: str
    details: str
    numbers: tuple[str, ...]


def read_told(octets: bytes) -> ToldAnswer:
    """Raises SoapFault, UnreadableMessage."""
    message = open_answer(octets)
    return ToldAnswer(
        root=local_name(message),
        correlation_id=_text(message, "Header", "CorrelationID"),
        message_id=_text(message, "Header", "MessageID"),
        result=_text(message, "Reply", "Result"),
        code=_text(message, "Reply", "Error", "code") or _text(message, "Reply", "ReplyCode"),
        reason=_text(message, "Reply", "Error", "reason"),
        details=_text(message, "Reply", "Error", "details"),
        numbers=tuple(token_of(i) for i in message.iterfind("{*}Reply/{*}ID")),
    )


def pretty_told(octets: bytes) -> str:
    """The message without its envelope, indented. Raises SoapFault, UnreadableMessage."""
    message = open_answer(octets)
    etree.indent(message)
    return etree.tostring(message, encoding="unicode")


def _text(message: Element, *names: str) -> str:
    found = message.find("/".join(f"{{*}}{name}" for name in names))
    return "" if found is None else token_of(found)
