"""Fuzzing of the SOAP door: `make fuzz DECODERS=soap_door RUNS=200000`. Octets as they are, and a grammar of messages.

The grammar starts from the sample order of a dialect, valid as it is, and puts up to six things in it wrong: elements
left out, doubled, moved, renamed, nested, texts and attributes changed, markup cut. Whatever comes in, one answer in
XML goes out, with a status that the door has; and an order is made only of a message that another XML library finds
valid by the published schema, for the meter and with the limit that stand in it.
"""

import asyncio
import sys
from random import Random
from string import Template
from typing import Any

import atheris

with atheris.instrument_imports(include=["aforo.cim", "aforo.adapters.soap_door", "aforo.flow.order_asked"]):
    from aforo.adapters.soap_door import SoapDoor
    from aforo.cim import schemas
    from aforo.cim.control_requests import ControlRequest
    from aforo.cim.control_response import ControlResponse
    from aforo.cim.dialect import sample_request, shipped
    from aforo.flow.order_asked import CallerRules, order_request

from lxml import etree

from aforo.cim.refusal import CimError
from aforo.domain.identifiers import OrderId
from aforo.domain.order import OrderRequest
from aforo.flow.step1_receive_order import acknowledge, receive_order
from edge.soap_situations import StubIntegration
from unit.cim.cim_situations import NOW, independent_schema
from unit.cim.test_cim_dialects import WORDS

STATUSES = {200, 400, 413, 415, 500}
RULES = CallerRules(may_answer_to=lambda _: True, may_be_special=True)
NAMES = sorted({"iec", *shipped().by_name} - {"command-text"})
TEXTS = ["", " ", "0", "-1", "1e9", "2.5 kW", "9" * 40, "ñ\u202e", "x" * 5000, "3.31.0.23", "2026-02-30T00:00:00Z"]
RENAMED = ["x", "PowerLimit", "UsagePoints", "ID"]
OPTIONS = ["priority", "special", "notAfter", "until", "proof", "wait", "retryOf", "nothing"]
SOAPS = ["http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"]
created: list[tuple[ControlRequest, OrderRequest]] = []
counts = {"inputs": 0, "orders": 0}


class Integration(StubIntegration):
    """Notes every order that is made, with what was read of it."""

    async def create(self, request: ControlRequest, *, traceparent: str = "") -> ControlResponse:  # noqa: ARG002 (its base has it)
        taken = order_request(request, RULES)
        if not isinstance(taken, OrderRequest):
            raise CimError(taken)
        created.append((request, taken))
        return acknowledge(receive_order(taken, OrderId(1), NOW).order, request, NOW)


DOOR = SoapDoor(Integration(), now=lambda: NOW)
LOOP = asyncio.new_event_loop()


def _message(chance: Random) -> bytes:
    """A sample with things put wrong. chance: all of it comes from the input."""
    root = etree.fromstring(Template(sample_request(chance.choice(NAMES))).substitute(WORDS))
    for _ in range(chance.randrange(7)):
        nodes = list(root.iter())
        node = chance.choice(nodes)
        parent = node.getparent()
        match chance.randrange(9):
            case 0 if parent is not None:
                parent.remove(node)
            case 1 if parent is not None:
                parent.insert(chance.randrange(len(parent) + 1), etree.fromstring(etree.tostring(node)))
            case 2 if parent is not None:
                chance.choice([n for n in nodes if node not in n.iterancestors() and n is not node]).append(node)
            case 3:
                space = str(node.tag).rpartition("}")[0]
                node.tag = f"{space}}}{chance.choice(RENAMED)}" if space else chance.choice(RENAMED)
            case 4:
                node.tag = str(chance.choice(nodes).tag).rpartition("}")[2]
            case 5:
                node.text = chance.choice(TEXTS)
            case 6:
                node.set(chance.choice(["ref", "idType", "x"]), chance.choice(TEXTS[:8]))
            case 7:
                for _ in range(chance.randrange(60)):
                    node = etree.SubElement(node, node.tag)
            case _:
                _add_option(root, chance)
    octets = etree.tostring(root)
    soap = chance.choice(SOAPS)
    body = f'<s:Envelope xmlns:s="{soap}"><s:Body>{octets.decode()}</s:Body></s:Envelope>'.encode()
    return body[: chance.randrange(len(body))] if chance.randrange(20) == 0 else body


def _add_option(root: Any, chance: Random) -> None:
    space = "http://iec.ch/TC57/2011/schema/message"
    request = root.find("{*}Request")
    if request is None:
        request = etree.Element("".join(str(root.tag).rpartition("}")[:2]) + "Request")
        root.insert(1, request)
    option = etree.SubElement(request, f"{{{space}}}Option")
    etree.SubElement(option, f"{{{space}}}name").text = chance.choice(OPTIONS)
    etree.SubElement(option, f"{{{space}}}value").text = chance.choice([*TEXTS, "high", "effective", "30"])


async def _post(octets: bytes) -> tuple[int, bytes]:
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/soap/EndDeviceControls",
        "headers": [(b"content-type", b"text/xml")],
        "query_string": b"",
        "scheme": "http",
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": octets, "more_body": False}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    await DOOR(scope, receive, send)  # type: ignore[arg-type]  # plain dictionaries, as servers give them
    return sent[0]["status"], sent[1]["body"]


def one_input(octets: bytes) -> None:
    if not octets:
        return
    counts["inputs"] += 1
    is_raw = octets[0] % 4 == 0
    message = octets[1:] if is_raw else _message(Random(octets))  # noqa: S311 (nothing is kept secret with it)
    created.clear()
    status, answer = LOOP.run_until_complete(_post(message))
    assert status in STATUSES, status
    etree.fromstring(answer)
    if created:
        counts["orders"] += len(created)
        _check_orders(message)


def _check_orders(octets: bytes) -> None:
    body = etree.fromstring(octets).find("{*}Body")
    assert body is not None
    told = body[0]
    text = " ".join(str(part).strip() for part in told.itertext())
    for request, order in created:
        dialect = shipped().by_name.get(request.dialect)
        top = "EndDeviceControlsMessage.xsd" if dialect is None else schemas.SERVICES[dialect.path].top
        _put_action_in_place(told)
        independent_schema(top).validate(etree.tostring(told).decode())
        assert order.meter in text or request.usage_point in text, order
        if order.limit is not None:
            digits = {f"{order.limit.watts}", f"{order.limit.watts / 1000:g}"}
            assert any(written in text for written in digits), (order.limit, text)


def _put_action_in_place(told: Any) -> None:
    """The one deviation that is understood on purpose."""
    for control in told.iter("{*}EndDeviceControl"):
        kind, action = control.find("{*}EndDeviceControlType"), control.find("{*}EndDeviceAction")
        if kind is not None and action is not None and kind.getnext() is action:
            kind.addprevious(action)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
