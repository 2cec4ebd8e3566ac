"""The SOAP door as an ASGI application: whatever comes in, XML with a reason goes out."""

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Message, Scope

from aforo.adapters.soap_door import DISCARDED_MAX
from aforo.cim import client
from aforo.cim.control_response import ControlResponse
from aforo.cim.message import Result
from aforo.cim.soap import SoapFault
from aforo.cim.told_answer import read_told
from aforo.cim.xml_reading import SIZE_MAX
from aforo.engine.ports import StoreUnavailable
from edge.soap_situations import StubIntegration, door, serving
from unit.cim.cim_situations import CONTROL_AT, MONDAY_ORDER, QUESTION, changed, check_independently, independent_schema
from unit.cim.test_cim_events import QUESTION as EVENTS_QUESTION
from unit.cim.test_cim_linkage import LINKAGE

PATH = "/soap/EndDeviceControls"
XML = {"content-type": "text/xml; charset=utf-8"}


def http(integration: StubIntegration | None = None, **settings: float) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=door(integration, **settings), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://aforo.test")


async def post(
    content: bytes, integration: StubIntegration | None = None, headers: dict[str, str] | None = None
) -> httpx.Response:
    async with http(integration) as caller:
        return await caller.post(PATH, content=content, headers={**XML, **(headers or {})})


async def answer(
    content: bytes, integration: StubIntegration | None = None, headers: dict[str, str] | None = None
) -> ControlResponse:
    response = await post(content, integration, headers)
    assert response.status_code == 200
    check_independently(response.content)
    return client.read_answer(response.content)


def faulted(response: httpx.Response) -> SoapFault:
    with pytest.raises(SoapFault) as fault:
        client.read_answer(response.content)
    return fault.value


async def test_an_order_is_acknowledged_with_its_number_and_the_senders_correlation() -> None:
    response = await answer(MONDAY_ORDER.encode())

    assert (response.reply.result, response.error.code, response.reply.number) == (Result.OK, "0.3", "OS-1")
    assert response.header.correlation_id == "7001"


async def test_a_question_is_answered_from_the_orders_received() -> None:
    integration = StubIntegration()
    await answer(MONDAY_ORDER.encode(), integration)

    assert (await answer(QUESTION.encode(), integration)).error.code == "0.3"
    unknown = await answer(changed(("OS-1", "OS-9"), text=QUESTION), integration)
    assert (unknown.reply.result, unknown.error.code) == (Result.FAILED, "2.15")


@pytest.mark.parametrize(
    ("replacement", "code", "xpath"),
    [
        ((">2.5<", ">0<"), "5.2", f"{CONTROL_AT}/PowerLimit/value"),
        (("3.15.139.13", "3.31.48.13"), "5.2", f"{CONTROL_AT}/EndDeviceControlType/@ref"),
        ((">create<", ">delete<"), "2.9", "/CreateEndDeviceControls/Header/Verb"),
        (("<e:reason>deuda</e:reason>", "<e:colour/>"), "1.8", f"{CONTROL_AT}/colour"),
    ],
)
async def test_a_refusal_is_a_reply_with_code_and_path(replacement: tuple[str, str], code: str, xpath: str) -> None:
    response = await answer(changed(replacement))

    assert response.reply.result is Result.FAILED
    assert (response.error.code, response.error.xpath) == (code, xpath)
    assert response.header.correlation_id == "7001"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [("", "El verbo"), ("es-CL,en;q=0.5", "El verbo"), ("en-GB, es", "The verb"), ("fr", "El verbo")],
)
async def test_reasons_are_in_the_callers_language(wanted: str, words: str) -> None:
    response = await answer(changed((">create<", ">delete<")), headers={"accept-language": wanted})

    assert response.error.reason.startswith(words)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"<x/>",
        b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/hostname'>]><x>&e;</x>",
        b"<x>" * 40 + b"</x>" * 40,
        b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body/></s:Envelope>",
        changed(("CreateEndDeviceControls", "CloseEndDeviceControls")),
    ],
)
async def test_what_is_no_message_gets_a_client_fault(content: bytes) -> None:
    response = await post(content)

    fault = faulted(response)
    assert (response.status_code, fault.code) == (500, "Client")
    assert fault.text
    assert response.headers["content-type"].startswith("text/xml")


async def test_a_fault_carries_the_typed_fault_message_with_code_1_8() -> None:
    response = await post(b"hello")

    detail = etree.fromstring(response.content).find(".//detail")
    assert detail is not None
    envelope = b"<e xmlns:q='q'><Body>" + etree.tostring(detail[0]) + b"</Body></e>"
    check_independently(envelope)
    assert b">1.8<" in envelope


async def test_soap_1_2_is_answered_in_soap_1_2() -> None:
    envelope = ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
    response = await post(changed(envelope), headers={"content-type": "application/soap+xml"})

    assert response.headers["content-type"] == "application/soap+xml; charset=utf-8"
    assert client.read_answer(response.content).error.code == "0.3"
    wrong = await post(changed(envelope, ("CreateEnd", "CloseEnd")), headers={"content-type": "application/soap+xml"})
    assert (wrong.status_code, faulted(wrong).code) == (400, "Sender")


async def test_a_header_that_must_be_understood_gets_its_own_fault() -> None:
    block = '<soap:Header><w:S xmlns:w="urn:w" soap:mustUnderstand="1"/></soap:Header><soap:Body>'

    assert faulted(await post(changed(("<soap:Body>", block)))).code == "MustUnderstand"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/soap/Other", XML, 404),
        ("DELETE", PATH, {}, 405),
        ("POST", PATH, {"content-type": "text/plain"}, 415),
        ("POST", PATH, {}, 415),
        ("POST", PATH, {**XML, "content-encoding": "gzip"}, 415),
        ("GET", PATH, {}, 404),
        ("GET", f"{PATH}?xsd=../soap.py", {}, 404),
        ("GET", f"{PATH}?xsd=ExecuteEndDeviceControls.wsdl", {}, 404),
        ("GET", f"{PATH}?wsdl", {"host": '"><script>'}, 400),
    ],
)
async def test_what_the_door_does_not_do_is_told_as_xml(
    method: str, path: str, headers: dict[str, str], status: int
) -> None:
    async with http() as caller:
        response = await caller.request(method, path, headers=headers, content=b"<x/>" if method == "POST" else None)

    assert response.status_code == status
    assert faulted(response).code == "Client"


async def test_the_wsdl_names_the_address_at_which_it_was_asked_for() -> None:
    async with http() as caller:
        wsdl = await caller.get(f"{PATH}?WSDL", headers={"host": "hes.example:8443"})
        xsd = await caller.get(f"{PATH}?xsd=PowerLimit.xsd")

    assert b'location="http://hes.example:8443/soap/EndDeviceControls"' in wsdl.content
    assert etree.fromstring(xsd.content).get("targetNamespace") == "urn:aforo:cim:1"


async def test_our_own_failure_is_a_server_fault_without_its_details() -> None:
    response = await post(MONDAY_ORDER.encode(), StubIntegration(breaks=RuntimeError("password=hunter2")))

    assert (response.status_code, faulted(response).code) == (500, "Server")
    assert b"hunter2" not in response.content


async def test_a_database_that_is_away_is_told_as_such_and_not_as_an_error_of_ours() -> None:
    response = await post(MONDAY_ORDER.encode(), StubIntegration(breaks=StoreUnavailable("the socket of host db-1")))

    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert "base de datos no está disponible" in faulted(response).text
    assert b"db-1" not in response.content


async def test_our_own_failure_reaches_the_servers_log() -> None:
    transport = httpx.ASGITransport(app=door(StubIntegration(breaks=RuntimeError("away"))))
    async with httpx.AsyncClient(transport=transport, base_url="http://aforo.test") as caller:
        with pytest.raises(RuntimeError, match="away"):
            await caller.post(PATH, content=MONDAY_ORDER.encode(), headers=XML)


class Wire:
    """A client that sends what it is told to, piece by piece; afterwards it hangs up, or falls silent."""

    def __init__(self, *pieces: bytes, silent: bool = False, announced: int | None = None) -> None:
        self.pieces = list(pieces)
        self.silent = silent
        self.taken = 0
        self.sent: list[Message] = []
        length = [] if announced is None else [(b"content-length", str(announced).encode())]
        self.scope: Scope = {"type": "http", "method": "POST", "path": PATH, "scheme": "http", "query_string": b"",
                             "headers": [(b"content-type", b"text/xml"), *length]}  # fmt: skip

    async def receive(self) -> Message:
        if self.taken < len(self.pieces):
            self.taken += 1
            return {"type": "http.request", "body": self.pieces[self.taken - 1], "more_body": True}
        if self.silent:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def ask(self, **settings: Any) -> int | None:
        await door(**settings)(self.scope, self.receive, self.send)
        return self.sent[0]["status"] if self.sent else None


async def test_a_body_beyond_the_limit_is_not_read_to_its_end() -> None:
    wire = Wire(*[b"x" * 65536] * 500)

    assert await wire.ask() == 413
    assert wire.taken == DISCARDED_MAX // 65536 + 1
    assert b"262144" in wire.sent[1]["body"]


async def test_a_body_announced_beyond_the_limit_is_not_read_at_all() -> None:
    wire = Wire(b"x", announced=10**15)

    assert (await wire.ask(), wire.taken) == (413, 0)


async def test_a_client_that_falls_silent_is_not_waited_for() -> None:
    wire = Wire(b"<x>", silent=True)

    assert await wire.ask(read_wait_s=0.01) == 408


async def test_a_client_that_hangs_up_is_told_nothing() -> None:
    assert await Wire(b"<x>").ask() is None


async def test_the_door_works_mounted_and_over_real_connections() -> None:
    app = Starlette(routes=[Mount("/soap", door())])
    async with serving(app) as address, httpx.AsyncClient(trust_env=False) as caller:
        response = await caller.post(f"{address}{PATH}", content=MONDAY_ORDER.encode(), headers=XML)
        wsdl = await caller.get(f"{address}{PATH}?wsdl")
        large = await caller.post(f"{address}{PATH}", content=b"x" * (SIZE_MAX + 1), headers=XML)

    assert client.read_answer(response.content).error.code == "0.3"
    assert f'location="{address}{PATH}"'.encode() in wsdl.content
    assert large.status_code == 413


@given(st.binary(max_size=400), st.sampled_from(["text/xml", "application/soap+xml", "text/plain"]))
def test_arbitrary_octets_always_get_a_fault(content: bytes, kind: str) -> None:
    response = asyncio.run(post(content, headers={"content-type": kind}))

    assert response.status_code in (415, 500)
    assert faulted(response).code == "Client"


@given(st.data())
def test_a_damaged_order_always_gets_xml(data: st.DataObject) -> None:
    order = bytearray(MONDAY_ORDER.encode())
    start = data.draw(st.integers(0, len(order) - 1))
    order[start : start + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=8))

    response = asyncio.run(post(bytes(order)))

    assert etree.fromstring(response.content).tag.endswith("Envelope")
    assert b"Server" not in response.content


async def test_a_websocket_is_closed_since_the_door_speaks_none() -> None:
    wire = Wire()
    wire.scope = {"type": "websocket", "path": PATH}

    await door()(wire.scope, wire.receive, wire.send)

    assert wire.sent == [{"type": "websocket.close", "code": 1000}]


@pytest.mark.parametrize(
    ("text", "root", "code"),
    [
        (EVENTS_QUESTION, "EndDeviceEventsResponseMessage", "0.0"),
        (EVENTS_QUESTION.replace(">get<", ">create<"), "EndDeviceEventsResponseMessage", "2.9"),
        (LINKAGE, "MasterDataLinkageConfigResponseMessage", "0.0"),
        (LINKAGE.replace(">create<", ">get<"), "MasterDataLinkageConfigResponseMessage", "2.9"),
    ],
)
async def test_other_nouns_are_answered_and_refused_in_their_own_messages(text: str, root: str, code: str) -> None:
    soap = "http://schemas.xmlsoap.org/soap/envelope/"
    response = await post(f'<s:Envelope xmlns:s="{soap}"><s:Body>{text}</s:Body></s:Envelope>'.encode())

    told = read_told(response.content)
    assert (response.status_code, told.root, told.code) == (200, root, code)
    message = etree.fromstring(response.content)[0][0]
    independent_schema(root.replace("Response", "") + ".xsd").validate(etree.tostring(message).decode())
