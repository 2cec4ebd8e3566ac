"""The page of the dialects: for each, how it is known, an order in it, and the answer."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from string import Template

from lxml import etree

from aforo.cim.control_response import AnsweredControl, ControlResponse, Readback, response_header, write_response
from aforo.cim.dialect import Dialect, sample_request, shipped
from aforo.cim.message import Header, Reply, ReplyError, Result, timestamp
from aforo.cim.namespaces import NOUN
from aforo.cim.translation import write_answer
from aforo.cim.xml_reading import Element

_AT = timestamp(datetime(2026, 11, 26, 12, 0, tzinfo=UTC))
SAMPLE = {
    "timestamp": _AT,
    "source": "CIS",
    "reply_address": "http://127.0.0.1:9000/answers",
    "message_id": "1f0c5a52-7f0b-4a6e-9d5f-0a5f6a1c2b3d",
    "correlation_id": "7001",
    "number": "OS-1001",
    "reason": "ARREARS_REDUCTION",
    "watts": "2500",
    "meter": "20300001",
    "usage_point": "UP-20300001",
}

_INTRODUCTION = """\
How other systems write what [our own contract](soap.md) says. Each is a table, a file of `aforo/cim/dialects`; a file
in the folder `AFORO_DIALECTS` adds one, or replaces one of the same name. A message is known by its root element, and
where many have the same by its verb and noun; one that looks like our own form is read in a dialect only when the
caller has it set ([callers](callers.md)). Every refusal names the element as the sender wrote it. What a dialect does
not carry out is refused, never left aside. Final answers come in the dialect of the order; asking, changing and
cancelling in `iec` is open to all.
"""


def dialects(made: str) -> str:
    lines = [
        "# Dialects",
        made,
        _INTRODUCTION,
        "| dialect | | known by its look | described at |",
        "|---|---|---|---|",
        "| `iec` | Our own form: the typed messages of IEC 61968-9 (2013) | yes | `/soap/EndDeviceControls?wsdl` |",
        *(_row(dialect) for dialect in shipped().by_name.values()),
        *_shown("iec", _text(write_response(_answer()))),
    ]
    for name, dialect in shipped().by_name.items():
        lines += _shown(name, _text(write_answer(_answer(), dialect)))
    return "\n".join(lines) + "\n"


def _row(dialect: Dialect) -> str:
    known = "yes" if dialect.is_detected else "no, it is set"
    return f"| `{dialect.name}` | {dialect.en} | {known} | `/soap/{dialect.path}?wsdl` |"


def _shown(name: str, answer: str) -> Iterator[str]:
    order = Template(sample_request(name)).substitute(SAMPLE)
    yield from ("", f"## {name}", "", "```xml", order.rstrip(), "```", "", "```xml", answer.rstrip(), "```")


def _answer() -> ControlResponse:
    message_id, correlation_id = SAMPLE["message_id"], SAMPLE["correlation_id"]
    asked = Header(verb="create", noun=NOUN, message_id=message_id, correlation_id=correlation_id)
    header = response_header(asked, identifier="2d711642-b726-8044-a162-7ca9fbac32f5", at=_AT)
    readback = Readback(before=Decimal(9900), threshold=Decimal(2500), breaker="connected", read_at=_AT)
    control = AnsweredControl(
        number=SAMPLE["number"],
        meter=SAMPLE["meter"],
        control_type="3.15.139.13",
        reason=SAMPLE["reason"],
        watts=Decimal(2500),
        readback=readback,
    )
    reply = Reply(
        Result.OK, (ReplyError("0.0", "INFORM", "The meter shows the ordered limit.", "VERIFIED"),), control.number
    )
    return ControlResponse(header, reply, (control,))


def _text(element: Element) -> str:
    etree.indent(element)
    return etree.tostring(element, encoding="unicode")
